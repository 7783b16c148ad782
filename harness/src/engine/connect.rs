//! Reaching the container engine, and what it says about itself.

use std::time::Duration;

use bollard::Docker;
use serde::Serialize;

use crate::catalog::Arch;
use crate::error::{Error, Failure, Result};

/// How an engine says that its disk is full.
pub(crate) const DISK_FULL: &str = "no space left on device";
/// What helps then.
pub(super) const MAKE_ROOM: &str = "the engine's disk is full; make room: cargo xtask images prune, docker system df";

/// The variable that names the container engine, to this library as to Docker's own client.
pub const HOST: &str = "DOCKER_HOST";
/// Set where the socket that [`HOST`] names is the near end of a tunnel: what it leads to.
pub const BEHIND: &str = "TESTENV_ENGINE_BEHIND";

/// How long the engine may take for a request that it answers only when all is done: an image that comes from a slow
/// mirror, or is made by an emulated machine. The client's own limit is two minutes.
const PATIENCE: Duration = Duration::from_hours(2);

/// A connection to the container engine that `DOCKER_HOST` names, or to the local one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) docker: Docker,
    address: String,
    local: bool,
    arch: Arch,
    id: String,
}

/// What the engine says about itself.
#[derive(Debug, Clone, Serialize)]
pub struct About {
    /// The engine's version.
    pub version: String,
    /// The API version spoken with it.
    pub api_version: String,
    /// Its storage driver.
    pub storage_driver: String,
    /// `1` or `2`: the cgroup hierarchy it uses.
    pub cgroup_version: String,
    /// The architecture of its machine.
    pub arch: Arch,
    /// The kernel it runs on.
    pub kernel: String,
    /// Processors it may use.
    pub cpus: i64,
    /// Memory in bytes it may use.
    pub memory_bytes: i64,
    /// Where it keeps its data on its own machine.
    pub data_root: String,
    /// Whether registries on 127.0.0.0/8 may be spoken to without TLS.
    pub loopback_registries: bool,
}

impl About {
    /// The version of cgroups that containers get, where the engine says it.
    #[must_use]
    pub fn cgroup(&self) -> Option<u8> {
        self.cgroup_version.parse().ok()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Engine {
    /// Connects and makes sure that an engine answers.
    pub async fn connect() -> Result<Self> {
        let address = std::env::var(HOST).unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
        let behind = std::env::var(BEHIND).ok();
        let local = address.starts_with("unix://") && behind.is_none();
        let address = behind.unwrap_or(address);
        let missing = |seen: String| {
            Error::Machine(
                Failure::new("container engine", format!("reach {address}"))
                    .saw(seen)
                    .hint("start it (systemctl start docker), install it (apt-get install docker.io), or name another with DOCKER_HOST"),
            )
        };
        let docker = Docker::connect_with_defaults().map_err(|error| missing(error.to_string()))?;
        let docker = docker.negotiate_version().await.map_err(|error| missing(crate::error::chain(&error)))?;
        let (version, info) =
            tokio::try_join!(docker.version(), docker.info()).map_err(|error| missing(crate::error::chain(&error)))?;
        let arch = match version.arch.as_deref().unwrap_or("none") {
            "arm" => Ok(Arch::Armhf),
            word => word.parse().map_err(|error| missing(format!("the engine's machine: {error}"))),
        }?;
        // engines of one machine may share the file that their id comes from, but never the place of their data
        let id = [info.id, info.docker_root_dir].map(Option::unwrap_or_default).join(" ");
        Ok(Self { docker, address, local, arch, id })
    }

    /// The architecture of the engine's machine.
    #[must_use]
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// What tells the engine from others: two on one machine have two names, one has one however it is reached.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether the engine answers now.
    pub(crate) async fn is_there(&self) -> bool {
        self.docker.ping().await.is_ok()
    }

    /// Whether the engine certainly runs on this machine: its containers can be given folders of the host, and what it
    /// publishes on the loopback address is reached there. Any other is reached by the addresses of its containers.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// The client for requests that carry a whole image.
    pub(super) fn patient(&self) -> Docker {
        self.docker.clone().with_timeout(PATIENCE)
    }

    /// Where the engine was reached.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the engine says about itself.
    pub async fn about(&self) -> Result<About> {
        let info = self.docker.info().await.map_err(|error| self.error("ask what it can do", error))?;
        let registries = info.registry_config.and_then(|config| config.insecure_registry_cidrs).unwrap_or_default();
        Ok(About {
            version: info.server_version.unwrap_or_default(),
            api_version: self.docker.client_version().to_string(),
            storage_driver: info.driver.unwrap_or_default(),
            cgroup_version: info.cgroup_version.map_or_else(|| "unknown".to_owned(), |version| version.to_string()),
            arch: self.arch,
            kernel: info.kernel_version.unwrap_or_default(),
            cpus: info.ncpu.unwrap_or_default(),
            memory_bytes: info.mem_total.unwrap_or_default(),
            data_root: info.docker_root_dir.unwrap_or_default(),
            loopback_registries: registries.iter().any(|cidr| cidr.starts_with("127.")),
        })
    }

    /// An engine error, with what was being done when it came.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "reads as a closure's body: .map_err(|error| engine.error(.., error))"
    )]
    pub(crate) fn error(&self, action: impl Into<String>, error: bollard::errors::Error) -> Error {
        use bollard::errors::Error as E;
        let failure = Failure::new("container engine", action);
        let seen = match &error {
            E::DockerResponseServerError { status_code, message } => format!("{message} (HTTP {status_code})"),
            other => crate::error::chain(other),
        };
        let failure = if seen.contains(DISK_FULL) {
            failure.hint(MAKE_ROOM)
        } else if has_stopped(&error) {
            let address = &self.address;
            failure.hint(format!("the engine at {address} stopped answering; see its own log (journalctl -u docker)"))
        } else {
            failure
        };
        Error::Engine(failure.saw(seen))
    }
}

/// Whether the engine went away instead of answering.
pub(super) fn has_stopped(error: &bollard::errors::Error) -> bool {
    use bollard::errors::Error as E;
    matches!(error, E::IOError { .. } | E::HyperResponseError { .. } | E::HyperLegacyError { .. })
}

/// The HTTP status that the engine answered with, where it answered.
pub(super) fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether a stream of JSON lines ended with nothing worse than a line end that came apart from its line.
///
/// The client's decoder reads the line without it, and then takes the line end that is left for a part of another line.
/// The same words come when a line was cut: who reads a stream to its end has to look at what came of it, too.
pub(super) fn is_left_line_end(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::IOError { err } if err.to_string() == "bytes remaining on stream")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_line_end_that_is_left_over_is_told_from_other_errors() {
        let left = io::Error::other("bytes remaining on stream");
        assert!(is_left_line_end(&left.into()));
        assert!(!is_left_line_end(&io::Error::from(io::ErrorKind::ConnectionReset).into()));
        assert!(!is_left_line_end(&bollard::errors::Error::RequestTimeoutError));
    }
}
