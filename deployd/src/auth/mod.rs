//! Who may do what: levels, users, and tokens that a session in the store keeps valid.

mod attempts;
mod level;
mod passwords;
mod second_factor;
mod tokens;
mod users;

pub use level::Level;
pub use second_factor::Enrolment;
pub use tokens::{ADMIN_TOKEN_LIFETIME, OPERATOR, Tokens};
pub use users::{Credentials, Users};
