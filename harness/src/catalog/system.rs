//! One system of the catalog: what it is, what it needs of a host, and the names that are its own.

use std::fmt;

use jiff::civil::Date;
use serde::Deserialize;

use super::{Arch, Init, Mirror, Systemd};

/// One system: an operating system in one version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// `ubuntu`, `centos`, `debian`
    pub os: String,
    /// `16.04`, `stream9`, `12`
    pub version: String,
    /// What the distribution calls the release, where it has a name.
    pub codename: Option<String>,
    /// Whether the distribution has released it; one that it has not is never the `latest`.
    #[serde(default = "yes")]
    pub released: bool,
    /// When the distribution's own updates end; not announced before a release.
    pub end_of_life: Option<Date>,
    /// Which recipe makes a VPS of the base.
    pub family: Family,
    /// What installs packages.
    pub package_manager: PackageManager,
    /// The base image in a container registry.
    pub base: String,
    /// The digest that the base is held to, `sha256:` and 64 digits, where a public record of it is known.
    pub digest: Option<String>,
    /// The architectures that its base image and its package mirror have.
    pub architectures: Vec<Arch>,
    /// The ways PID 1 can be started, the one that is most like a server first.
    #[serde(default)]
    pub init: Vec<Init>,
    /// The systemd that it brings, where it brings one.
    pub systemd: Option<Systemd>,
    /// Where its container engine comes from.
    pub engine: EngineSource,
    /// Who logs in first on a provider's image.
    pub user: String,
    /// The group whose members may become root.
    pub admin_group: String,
    /// What its services are called.
    pub units: Units,
    /// Where its packages come from; a base is made from it where no registry answers.
    pub mirror: Option<Mirror>,
}

/// The kind of packages a system is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// dpkg and apt
    Apt,
    /// rpm with yum or dnf
    Rpm,
}

/// What installs packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageManager {
    /// `apt-get`
    Apt,
    /// `yum`, where there is no dnf
    Yum,
    /// `dnf`
    Dnf,
}

/// Where a system's container engine comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineSource {
    /// Whose packages.
    pub channel: Channel,
    /// The packages that bring the engine and its client.
    pub packages: Vec<String>,
    /// The engine's version there, as far as it is fixed: `20.10.24`, or `29` where the channel moves on.
    pub version: String,
}

/// Whose packages of a container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The distribution's own.
    Distribution,
    /// Docker's, from download.docker.com.
    Upstream,
}

/// What a system's services are called.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// The SSH server's: `ssh` or `sshd`.
    pub ssh: String,
    /// The container engine's.
    pub engine: String,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.os, self.version)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apt => "apt",
            Self::Rpm => "rpm",
        })
    }
}

impl System {
    /// `debian-12`: for names of images, folders and tests.
    #[must_use]
    pub fn slug(&self) -> String {
        format!("{}-{}", self.os, self.version)
    }

    /// Whether there is one for this architecture; the error says for which there is.
    pub fn has_arch(&self, arch: Arch) -> Result<(), String> {
        if self.architectures.contains(&arch) {
            return Ok(());
        }
        let known: Vec<String> = self.architectures.iter().map(ToString::to_string).collect();
        Err(format!("there is no {self} for {arch}, only for {}", known.join(", ")))
    }

    /// The base image as a registry knows it: by digest where the entry has one, which no push can change.
    #[must_use]
    pub fn reference(&self) -> String {
        match (&self.digest, self.base.rsplit_once(':')) {
            (Some(digest), Some((repository, _))) => format!("{repository}@{digest}"),
            _ => self.base.clone(),
        }
    }
}

fn yes() -> bool {
    true
}
