//! A distribution's package mirror, as each family of packages has it.

use serde::Deserialize;

use super::{Arch, Family};

/// A distribution's package mirror.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "there is one per system, and all but a few are of the large kind")]
pub enum Mirror {
    /// An archive of the apt family.
    Apt(AptMirror),
    /// Repositories of the rpm family.
    Rpm(RpmMirror),
}

/// An archive of the apt family.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AptMirror {
    /// The archive.
    pub url: String,
    /// The archive of architectures other than amd64, where they have one of their own.
    pub ports: Option<String>,
    /// The suites of that archive, the release itself first.
    pub suites: Vec<String>,
    /// The components of each suite.
    pub components: Vec<String>,
    /// The key ring file on the host that signs for the archive.
    pub keyring: String,
    /// The host package that brings the key ring.
    pub keyring_package: String,
    /// Where the package is for a host whose own sources lack it.
    pub keyring_archive: Option<KeyringArchive>,
    /// The security archive, where it is one of its own.
    pub security: Option<SecurityArchive>,
    /// Whether apt refuses a release past its `Valid-Until`; a mirror that lags behind or an archive serves such.
    #[serde(default = "yes")]
    pub check_valid_until: bool,
    /// The release has moved here after its end: what the base image names is gone.
    #[serde(default)]
    pub archived: bool,
    /// A shell command that mmdebstrap runs before the first package; `$1` is the new root.
    pub setup_hook: Option<String>,
    /// A shell command that mmdebstrap runs after the last package; `$1` is the new root.
    pub customize_hook: Option<String>,
}

/// Another archive that has the package with the key ring.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyringArchive {
    /// The archive.
    pub url: String,
    /// Its suite with the package.
    pub suite: String,
    /// The key ring file on the host that signs for this archive.
    pub keyring: String,
}

/// A distribution's archive of security updates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityArchive {
    /// The archive.
    pub url: String,
    /// Its suite for this release.
    pub suite: String,
}

/// Repositories of the rpm family.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RpmMirror {
    /// The repositories, that with the system itself first.
    pub repositories: Vec<Repository>,
    /// The address of the key that signs the packages.
    pub gpgkey: String,
    /// The release has moved here (a vault) after its end: what the base image names is gone.
    #[serde(default)]
    pub archived: bool,
}

/// One repository of the rpm family.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// What yum and dnf call it: `baseos`.
    pub id: String,
    /// Its address; `$basearch` stands for the architecture in rpm's words (`x86_64`, `aarch64`).
    pub url: String,
}

impl AptMirror {
    /// The archive that has an architecture.
    #[must_use]
    pub fn url_for(&self, arch: Arch) -> &str {
        self.ports.as_deref().filter(|_| arch != Arch::Amd64).unwrap_or(&self.url)
    }
}

impl Mirror {
    /// The kind of packages it has.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Apt(_) => Family::Apt,
            Self::Rpm(_) => Family::Rpm,
        }
    }

    /// The archive of the apt family that it is, if it is one.
    #[must_use]
    pub fn apt(&self) -> Option<&AptMirror> {
        match self {
            Self::Apt(apt) => Some(apt),
            Self::Rpm(_) => None,
        }
    }

    /// The address that tells whether it answers: the archive's, or the repositories' up to where they differ by
    /// architecture.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Apt(apt) => &apt.url,
            Self::Rpm(rpm) => {
                let url = rpm.repositories.first().map_or("", |repository| &repository.url);
                url.split_once("$basearch").map_or(url, |(above, _)| above)
            }
        }
    }
}

fn yes() -> bool {
    true
}
