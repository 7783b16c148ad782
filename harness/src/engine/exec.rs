//! A command inside a container by the engine's own hand: what is left when nothing else gets in.

use std::time::Duration;

use bollard::exec::{CreateExecOptions, StartExecResults};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::Engine;
use crate::error::{Error, Failure, Result};

impl Engine {
    /// Runs a command in a container; answers what it printed, also if it failed. A command that is not done in time is left
    /// to the container.
    pub(crate) async fn run_in(&self, container: &str, command: &str, deadline: Duration) -> Result<String> {
        Ok(self.run_in_with_status(container, command, deadline).await?.0)
    }

    /// The same; answers the exit status, too.
    pub(crate) async fn run_in_with_status(
        &self,
        container: &str,
        command: &str,
        deadline: Duration,
    ) -> Result<(String, i64)> {
        let what = format!("run a command in container {container}");
        let options = CreateExecOptions {
            cmd: Some(vec!["sh", "-c", command]),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let mut said = String::new();
        let run = async {
            let made = self.docker.create_exec(container, options).await?;
            if let StartExecResults::Attached { mut output, .. } = self.docker.start_exec(&made.id, None).await? {
                while let Some(piece) = output.next().await {
                    said.push_str(&String::from_utf8_lossy(&piece?.into_bytes()));
                }
            }
            Ok(self.docker.inspect_exec(&made.id).await?.exit_code.unwrap_or_default())
        };
        match timeout(deadline, run).await {
            Ok(Ok(status)) => Ok((said, status)),
            Ok(Err(error)) => Err(self.error(what, error)),
            Err(_) => Err(Error::Engine(Failure::new("container engine", what).after(deadline).saw("not done yet"))),
        }
    }
}
