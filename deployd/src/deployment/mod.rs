//! One deploy after another: from a commit to a version that serves, with the old one serving until then.

mod compose;
mod context;
mod down;
mod health;
mod history;
mod memory;
mod ports;
mod prepare;
mod progress;
mod prune;
mod queue;
mod reconcile;
mod request;
mod reset;
mod retire;
mod rollback;
mod run;
mod start;
mod status;
mod switch;

pub use context::Context;
pub use history::PastDeploy;
pub use progress::{Event, Progress};
pub use prune::Pruned;
pub use queue::{Deployer, Ticket};
pub use request::{GitOptions, UpRequest};
pub use status::{HealthReport, LastDeploy, OutOfMemoryReport, Status};
