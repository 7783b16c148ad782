//! What survives a restart, in one transactional file: a change that was acknowledged is on the disk.

mod deploys;
mod open;
mod records;
mod sessions;
mod values;
mod variables;

pub use open::Store;
pub use records::{Composed, Deploy, Outcome, Project, Serving, Session, Variable};
