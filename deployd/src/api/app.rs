//! What every handler works with.

use std::sync::Arc;

use crate::auth::{Tokens, Users};
use crate::deployment::Deployer;

/// What every handler works with.
#[derive(Clone)]
pub struct App {
    /// Tokens.
    pub tokens: Arc<Tokens>,
    /// Users.
    pub users: Arc<Users>,
    /// Deploys.
    pub deployer: Deployer,
}
