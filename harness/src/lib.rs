//! Mock servers for testing anything that deploys over SSH.
//!
//! A [`TestEnv`] reaches the container engine and holds a lease on everything that is made with it. A [`VpsRequest`]
//! becomes a [`Vps`]: a container with a real SSH server and an init system, reached through [`ssh::Session`].
//!
//! ```no_run
//! # async fn example() -> harness::Result<()> {
//! let env = harness::TestEnv::open().await?;
//! let vps = env.vps("debian", "12")?.start(&env).await?;
//! let session = vps.ssh().await?;
//! session.run("apt-get update").await?;
//! assert_eq!(session.run("systemctl is-system-running").await?.stdout_text().trim(), "running");
//! vps.close().await?;
//! env.close().await
//! # }
//! ```
//!
//! Whatever ends the process, a second one (the *reaper*, see [`lease`]) removes what was made and not kept.
#![warn(missing_docs)]

pub mod artifacts;
pub mod browser;
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
mod tool_container;
pub mod vps;
pub mod wait;
mod workspace;

pub use engine::Engine;
pub use error::{Error, Failure, Result};
pub use testenv::{Settings, TestEnv};
pub use vps::{Vps, VpsInfo, VpsRequest};
pub use workspace::Workspace;
