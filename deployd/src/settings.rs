//! The version, and where everything lies in the data directory.

use std::path::{Path, PathBuf};

/// The version of this program; a build may set `DEPLOYD_VERSION` to tell itself apart.
pub const VERSION: &str = match option_env!("DEPLOYD_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// The image that builds Procfile projects, unless the settings name another one of the same contract.
pub const BUILDER_IMAGE: &str = "gliderlabs/herokuish";

/// The directory that holds everything the daemon keeps. It has the same path inside and outside of the daemon's
/// container, because the engine resolves bind mounts outside.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// A data directory at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The embedded database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("deployd.redb")
    }

    /// The key that tokens are signed with.
    #[must_use]
    pub fn signing_key(&self) -> PathBuf {
        self.0.join("signing.key")
    }

    /// The key that secrets in the database are sealed with.
    #[must_use]
    pub fn sealing_key(&self) -> PathBuf {
        self.0.join("environment.key")
    }

    /// The certificate that the interface shows.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.0.join("tls/cert.pem")
    }

    /// The key of that certificate.
    #[must_use]
    pub fn certificate_key(&self) -> PathBuf {
        self.0.join("tls/key.pem")
    }

    /// The private key that the git host lets in.
    #[must_use]
    pub fn deploy_key(&self) -> PathBuf {
        self.0.join("deploy_key")
    }

    /// Its public half.
    #[must_use]
    pub fn deploy_key_public(&self) -> PathBuf {
        self.0.join("deploy_key.pub")
    }

    /// The host keys of git hosts that are trusted.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.0.join("known_hosts")
    }

    /// Certificate authorities that git trusts beside the usual ones, for whoever runs a git host of their own.
    #[must_use]
    pub fn authorities(&self) -> PathBuf {
        self.0.join("authorities")
    }

    /// The work tree of the project.
    #[must_use]
    pub fn source(&self) -> PathBuf {
        self.0.join("src")
    }

    /// The files of the versions that may have to be brought up again.
    #[must_use]
    pub fn versions(&self) -> PathBuf {
        self.0.join("versions")
    }

    /// The files of a version, by the deploy that built it.
    #[must_use]
    pub fn version(&self, build: &str) -> PathBuf {
        self.versions().join(build)
    }

    /// What the application keeps; mounted at /persist.
    #[must_use]
    pub fn persist(&self) -> PathBuf {
        self.0.join("persist")
    }

    /// What the edge and the daemon share.
    #[must_use]
    pub fn edge(&self) -> PathBuf {
        self.0.join("edge")
    }

    /// Where commands inside the daemon's container reach the running daemon.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }
}
