//! The deploy daemon: it builds what a git repository holds and keeps it serving on the machine it runs on.
//!
//! `api` is what the network sees, `deployment` is one deploy from commit to serving, `edge` is the proxy that owns the
//! public ports and outlives the daemon, `engine` is the container engine, `store` is what survives a restart. `client`
//! is what a person in a project folder types.
#![warn(missing_docs)]

pub mod api;
pub mod auth;
pub mod builders;
pub mod cli;
mod client;
mod compose;
mod control;
pub mod deployment;
pub mod edge;
pub mod engine;
pub mod environment;
mod error;
mod files;
pub mod git;
mod key;
mod net;
pub mod notifier;
mod process_group;
mod project_file;
mod random;
mod seal;
mod settings;
mod socket;
pub mod store;
mod text;
pub mod tls;
mod wait;
pub mod webhook;

pub use error::{Failure, Kind, Result};
pub use project_file::{BuildType, Health, ProjectFile};
pub use settings::{DataDir, VERSION};
