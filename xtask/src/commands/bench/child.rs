//! The plain tools and this program's own commands as children: Ctrl-C ends them, and the command that waits for them.

use std::process::Stdio;

use anyhow::{Context, ensure};
use harness::lease::Lease;
use harness::provision::find_program;
use harness::{Error, Failure};
use tokio::process::Command;

use crate::cli::Global;

/// What is compared with, and the package that has it.
const CLIENTS: [(&str, &str); 2] = [("docker", "docker.io"), ("ssh", "openssh-client")];

/// Whether the plain tools are there.
pub fn check_clients() -> Result<(), Error> {
    for (program, package) in CLIENTS {
        if find_program(program).is_none() {
            let failure = Failure::new(program, "find it on this machine").saw("not installed; bench compares with it");
            return Err(Error::Machine(failure.hint(format!("apt-get install {package}"))));
        }
    }
    Ok(())
}

/// Runs a command to its end; answers what it printed. It has a process group of its own: Ctrl-C at a terminal is for this
/// process, which then ends it with all that it started.
pub async fn stdout(lease: &Lease, command: &mut Command) -> anyhow::Result<String> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = lease.run_guarded(command).await.with_context(|| format!("run {:?}", command.as_std()))?;
    ensure!(output.status.success(), "{:?}: {}", command.as_std(), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a command that nobody reads succeeds.
pub async fn succeeds(lease: &Lease, command: &mut Command) -> anyhow::Result<bool> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let output = lease.run_guarded(command).await.with_context(|| format!("run {:?}", command.as_std()))?;
    Ok(output.status.success())
}

/// This program's own command, as a person types it.
pub fn own(global: &Global, words: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(words);
    if global.no_install {
        command.arg("--no-install");
    }
    Ok(command)
}
