//! What is known of a VPS, in the shape that `testenv --json` prints and the state file keeps.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::size::Size;
use crate::Engine;
use crate::catalog::{Arch, Init};
use crate::error::{Error, Failure, Result};
use crate::image::Base;

/// Everything about a VPS that outlives the process that made it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VpsInfo {
    /// The name a person calls it by; also its host name.
    pub name: String,
    /// Its system: `debian`
    pub os: String,
    /// `12`
    pub version: String,
    /// What runs as its PID 1.
    pub init: Init,
    /// `amd64`
    pub arch: Arch,
    /// The engine that it is on.
    pub engine: EngineInfo,
    /// The engine's id of it.
    pub container_id: String,
    /// Its address in the network that VPSes share.
    pub address: Ipv4Addr,
    /// Who logs in.
    pub user: String,
    /// How to log in.
    pub ssh: SshInfo,
    /// Its published ports.
    pub ports: Vec<PortInfo>,
    /// What it was made of.
    pub base: Base,
    /// How long each stage of its making took.
    pub timings_ms: Timings,
    /// When its time is up: from then on it counts as gone, and the next command of its workspace removes it.
    pub expires_at: Option<jiff::Timestamp>,
    /// How large it was asked to be.
    #[serde(default, skip_serializing_if = "Size::is_unlimited")]
    pub size: Size,
    /// What holds its disk, where that has a size: as long as the state file names it, the disk is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_container_id: Option<String>,
}

/// A container engine: several may serve one workspace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineInfo {
    /// What it calls itself.
    pub id: String,
    /// How it was reached, as `DOCKER_HOST` names it.
    pub address: String,
}

/// How to log in to a VPS.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SshInfo {
    /// Where its SSH port is published.
    pub host: IpAddr,
    /// On which port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// With which key.
    pub identity_file: PathBuf,
    /// The file that pins its host key.
    pub known_hosts_file: PathBuf,
    /// A command line that does it.
    pub command: String,
}

/// A port of a VPS, published on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortInfo {
    /// The port of the VPS.
    pub vps: u16,
    /// The host's address.
    pub host_address: IpAddr,
    /// The host's port.
    pub host: u16,
}

/// How long each stage took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Timings {
    /// Getting the base image.
    pub base: u64,
    /// Building the VPS image.
    pub image: u64,
    /// Making and starting the container.
    pub start: u64,
    /// From there to the first authenticated command.
    pub ready: u64,
}

impl SshInfo {
    /// The line of a `known_hosts` file that pins `host_key` for this address.
    pub(crate) fn known_hosts_line(&self, host_key: &str) -> String {
        let host = if self.port == 22 { self.host.to_string() } else { format!("[{}]:{}", self.host, self.port) };
        format!("{host} {host_key}\n")
    }
}

impl VpsInfo {
    /// Whether its time is up.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.expires_at.is_some_and(|time| time < jiff::Timestamp::now())
    }

    /// Whether it is on this engine.
    #[must_use]
    pub fn is_on(&self, engine: &Engine) -> bool {
        self.engine.id == engine.id()
    }

    /// Refuses another engine than the one that it is on: there it is not gone, but never was.
    pub(crate) fn check_engine(&self, engine: &Engine) -> Result<()> {
        if self.is_on(engine) {
            return Ok(());
        }
        let failure = Failure::new(self.subject(), format!("find it on the engine at {}", engine.address()));
        let failure = failure.saw("it is on another one");
        Err(Error::Machine(failure.hint(format!("DOCKER_HOST={} names the engine that it is on", self.engine.address))))
    }

    /// Removes its containers from their engine.
    pub(crate) async fn remove_from(&self, engine: &Engine) -> Result<()> {
        engine.remove_container(&self.container_id).await?;
        match &self.disk_container_id {
            Some(disk) => engine.remove_container(disk).await,
            None => Ok(()),
        }
    }

    /// `debian 12 (a)`: how errors name it.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{} {} ({})", self.os, self.version, self.name)
    }
}
