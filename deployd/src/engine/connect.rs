//! Reaching the engine through its socket; the connection is made when it is first needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::Docker;
use tokio::sync::OnceCell;

use crate::error::{Failure, Kind, Result};

/// How long the engine may take to begin an answer, in seconds.
const ANSWER: u64 = 120;

/// The container engine.
#[derive(Debug, Clone)]
pub struct Engine {
    socket: PathBuf,
    docker: Arc<OnceCell<Docker>>,
}

impl Engine {
    /// The engine behind a unix socket; nothing is asked of it yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), docker: Arc::default() }
    }

    /// Where its socket is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) async fn docker(&self) -> Result<&Docker> {
        let connect = || async {
            let path = self.socket.display().to_string();
            let docker = Docker::connect_with_unix(&path, ANSWER, bollard::API_DEFAULT_VERSION)?;
            docker.negotiate_version().await
        };
        self.docker.get_or_try_init(connect).await.map_err(|error| {
            let what = format!("reach the container engine at {}", self.socket.display());
            let hint = "is it running, and is its socket mounted into the daemon's container?";
            Failure::new(Kind::Engine, what).saw(error).hint(hint)
        })
    }
}

/// An error of the engine as a failure.
pub(super) fn failed(what: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> Failure {
    let what = what.into();
    move |error| Failure::new(Kind::Engine, what).saw(said(&error))
}

/// What the engine said, without the client's own words around it.
pub(super) fn said(error: &bollard::errors::Error) -> String {
    use bollard::errors::Error;
    match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } => error.clone(),
        other => other.to_string(),
    }
}

/// Whether the engine says that there is no such thing.
pub(super) fn is_missing(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
}

/// Whether the engine says that a container is being removed already, at another request.
pub(super) fn is_being_removed(error: &bollard::errors::Error) -> bool {
    use bollard::errors::Error::DockerResponseServerError as Refused;
    matches!(error, Refused { status_code: 409, message } if message.contains("already in progress"))
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
    fn a_removal_that_is_under_way_is_told_from_other_conflicts() {
        let is_one = |status_code, message: &str| {
            is_being_removed(&bollard::errors::Error::DockerResponseServerError {
                status_code,
                message: message.into(),
            })
        };
        assert!(is_one(409, "removal of container 3878e93fd123 is already in progress"));
        assert!(!is_one(409, "You cannot remove a running container 3878e93fd123"));
        assert!(!is_one(500, "removal of container 3878e93fd123 is already in progress"));
    }

    #[test]
    fn a_line_end_that_is_left_over_is_told_from_other_errors() {
        let left = io::Error::other("bytes remaining on stream");
        assert!(is_left_line_end(&left.into()));
        assert!(!is_left_line_end(&io::Error::from(io::ErrorKind::ConnectionReset).into()));
        assert!(!is_left_line_end(&bollard::errors::Error::RequestTimeoutError));
    }
}
