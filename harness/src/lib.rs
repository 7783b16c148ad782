//! Mock servers for testing anything that deploys over SSH.
#![warn(missing_docs)]

pub mod error;
pub mod ssh;
pub mod wait;

pub use error::{Error, Failure, Result};
