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
//! As a git dependency of another repository (`harness = { git = "..." }` under `[dev-dependencies]`) that is a whole test.
//! `harness/examples` has a file for each use: a command, two VPSes, copies, a port, power and a size, a fault, a deploy under
//! a probe, a snapshot, a system of one's own, a soak. The list of systems needs no engine:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let catalog = harness::catalog::Catalog::built_in();
//! let system = catalog.find("debian", "bookworm")?;
//! assert_eq!(system.to_string(), "debian 12");
//! let wrong = catalog.find("debain", "12").unwrap_err();
//! assert!(wrong.to_string().contains("did you mean debian?"));
//! # Ok(())
//! # }
//! ```
//!
//! Whatever ends the process, a second one (the *reaper*, see [`lease`]) removes what was made and not kept.
#![warn(missing_docs)]

pub mod artifacts;
pub mod browser;
mod called;
pub mod catalog;
pub mod cross;
pub mod deployer;
pub mod doctor;
pub mod emulation;
pub mod engine;
pub mod error;
pub mod githost;
mod http;
pub mod image;
pub mod lease;
pub mod likeness;
pub mod matrix;
pub mod probe;
pub mod project;
pub mod provision;
pub mod redact;
pub mod report;
pub mod ssh;
pub mod story;
mod testenv;
mod tool_container;
pub mod vps;
pub mod wait;
mod workspace;

pub use called::command_line;
pub use engine::Engine;
pub use error::{Error, Failure, Result};
pub use testenv::{Settings, TestEnv};
pub use vps::{Fault, Size, Snapshot, Vps, VpsInfo, VpsRequest};
pub use workspace::Workspace;
