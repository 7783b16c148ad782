//! Asking a deployed application whether it answers as its project says: once, until it does, or all the time.

mod client;
mod continuous;
mod once;
mod tally;

pub use client::Client;
pub use continuous::{Continuous, Options};
pub use once::{Answer, ask, healthy};
pub use tally::{Change, Outcome, Report};
