//! Signals to the first process of a container, and ending it for good or for a new start.

use std::time::Duration;

use bollard::query_parameters::{
    KillContainerOptionsBuilder, RestartContainerOptionsBuilder, StopContainerOptionsBuilder,
};

use super::Engine;
use crate::error::Result;

impl Engine {
    /// Sends a signal to PID 1 of a running container.
    pub(crate) async fn signal(&self, container: &str, signal: &str) -> Result<()> {
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        let sent = self.docker.kill_container(container, Some(options)).await;
        sent.map_err(|error| self.error(format!("send {signal} to container {container}"), error))
    }

    /// Ends a container at once; its restart policy does not bring it back.
    pub(crate) async fn cut_off(&self, container: &str) -> Result<()> {
        let options = StopContainerOptionsBuilder::default().t(0).build();
        let stopped = self.docker.stop_container(container, Some(options)).await;
        stopped.map_err(|error| self.error(format!("stop container {container}"), error))
    }

    /// Ends a container with its stop signal, with force after a time, and starts it again.
    pub(crate) async fn restart(&self, container: &str, patience: Duration) -> Result<()> {
        let seconds = i32::try_from(patience.as_secs()).unwrap_or(i32::MAX);
        let options = RestartContainerOptionsBuilder::default().t(seconds).build();
        let restarted = self.patient().restart_container(container, Some(options)).await;
        restarted.map_err(|error| self.error(format!("restart container {container}"), error))
    }
}
