//! What survives a restart, in one transactional file: a change that was acknowledged is on the disk.

mod deliveries;
mod deploys;
mod migrations;
mod open;
mod records;
mod rewrite;
mod sessions;
mod users;
mod values;
mod variables;

pub use deliveries::{Acceptance, Marks, Promise};
pub use open::Store;
pub use records::{Composed, Deploy, MemoryUsedUp, Outcome, Project, SecondFactor, Serving, Session, User, Variable};
