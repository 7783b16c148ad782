//! Mock servers for testing anything that deploys over SSH.
#![warn(missing_docs)]

pub mod artifacts;
pub mod catalog;
pub mod deployer;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod githost;
mod http;
pub mod image;
pub mod lease;
pub mod matrix;
pub mod probe;
pub mod project;
pub mod provision;
pub mod report;
pub mod ssh;
mod testenv;
pub mod vps;
pub mod wait;
mod workspace;

pub use engine::Engine;
pub use error::{Error, Failure, Result};
pub use testenv::{Settings, TestEnv};
pub use vps::{Vps, VpsInfo, VpsRequest};
pub use workspace::Workspace;
