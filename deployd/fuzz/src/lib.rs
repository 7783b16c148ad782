//! What the daemon reads from strangers: one function for each, which must not panic whatever it is given.
#![warn(missing_docs)]

mod targets;

pub use targets::{TARGETS, Target, find};
