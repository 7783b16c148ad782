//! Who may do what: levels, and tokens that a session in the store keeps valid.

mod level;
mod tokens;

pub use level::Level;
pub use tokens::{ADMIN_TOKEN_LIFETIME, Tokens};
