//! What a deploy tool of others cannot do, and why: an outcome of its own, neither passed nor failed.

use super::Command;
use crate::project::BuildType;

/// The file in a scenario's folder that says why the deploy tool cannot be asked for what it asserts.
pub const UNSUPPORTED: &str = "unsupported.txt";

/// Something that one deploy tool can do and another cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// To build projects of this type.
    Build(BuildType),
    /// To fetch a repository with a key of its own.
    DeployKey,
    /// To tell which commit is deployed.
    Status,
    /// To return to the version before.
    Rollback,
    /// To take itself and what it deployed off a VPS.
    Remove,
    /// What only deployd has: its interface, users, variables, webhooks, files.
    DeploydsOwn,
    /// To have a part in a scenario about the VPS, or about how people use deployd.
    APart,
}

/// That a tool cannot do something. Only a [`Command`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unsupported by {tool}: {why}")]
pub struct Unsupported {
    tool: String,
    why: String,
}

impl Unsupported {
    pub(super) fn new(tool: &Command, why: impl Into<String>) -> Self {
        Self { tool: tool.called().to_owned(), why: why.into() }
    }

    /// Why, without the tool's name.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}
