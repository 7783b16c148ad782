//! One deploy after another: from a commit to a version that serves, with the old one serving until then.

mod context;
mod down;
mod health;
mod ports;
mod prepare;
mod progress;
mod queue;
mod reconcile;
mod request;
mod retire;
mod run;
mod start;
mod status;
mod switch;

pub use context::Context;
pub use progress::{Event, Progress};
pub use queue::{Deployer, Ticket};
pub use request::{GitOptions, UpRequest};
pub use status::{HealthReport, LastDeploy, Status};
