//! One process's hold on what it makes on the engine.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::runs::{MachineDir, host_id};
use super::{COMMAND, OURS, ROLE, RUN, reaper, sweep};
use crate::Engine;
use crate::error::{Error, Failure, Result};

/// Names the run of the command that started this process as a part of its work.
pub(crate) const COMMAND_VARIABLE: &str = "TESTENV_COMMAND";

/// The hold of this process on what it makes: whatever ends the process, the reaper removes it.
///
/// Close it with [`Lease::close`] at the end; dropping it does the same work as after a kill, and takes longer.
#[derive(Debug)]
pub struct Lease {
    run: String,
    machine: MachineDir,
    reaper: Option<(Child, ChildStdin)>,
    // where the reaper says that it is there; nothing once it did
    greeting: Mutex<Option<ChildStdout>>,
    // released by the kernel when the process ends, whatever ends it
    _alive: File,
}

impl Lease {
    /// Takes a lease, and first removes what earlier runs left when their reaper was killed too.
    pub async fn acquire(engine: &Engine) -> Result<Self> {
        let machine = MachineDir::find(engine)?;
        let run = ulid::Ulid::new().to_string();
        let alive = machine.open_run(&run)?;
        let (child, pipe, greeting) = start_reaper(&run)?;
        for dead in machine.dead_runs() {
            sweep::reap_run(engine, &machine, &dead).await?;
        }
        Ok(Self { run, machine, reaper: Some((child, pipe)), greeting: Mutex::new(Some(greeting)), _alive: alive })
    }

    /// The folder shared by all runs of this machine.
    #[must_use]
    pub fn machine(&self) -> &MachineDir {
        &self.machine
    }

    /// The labels that make a thing this run's, so that it goes with the run; `role` says what it is for.
    #[must_use]
    pub fn labels(&self, role: &str) -> HashMap<String, String> {
        let command = std::env::var(COMMAND_VARIABLE).unwrap_or_else(|_| self.run.clone());
        HashMap::from([
            (RUN.to_owned(), self.run.clone()),
            (COMMAND.to_owned(), command),
            (OURS.to_owned(), host_id()),
            (ROLE.to_owned(), role.to_owned()),
        ])
    }

    /// Waits until the reaper is there; a container is made only after that.
    pub(crate) async fn ready(&self) -> Result<()> {
        let mut greeting = self.greeting.lock().await;
        let Some(pipe) = greeting.take() else { return Ok(()) };
        let mut lines = BufReader::new(pipe).lines();
        match tokio::time::timeout(Duration::from_secs(10), lines.next_line()).await {
            Ok(Ok(Some(line))) if line == reaper::READY => Ok(()),
            other => {
                Err(Error::Engine(Failure::new("reaper", "start it").saw(format!("{other:?} instead of its greeting"))))
            }
        }
    }

    /// The run's id, for names that must be its own.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Runs a command of this machine to its end; whatever ends this process ends the command and all it started, too.
    pub async fn run_guarded(&self, command: &mut Command) -> std::io::Result<Output> {
        let child = command.stdin(Stdio::null()).process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().unwrap_or_default();
        self.guard(group);
        let output = child.wait_with_output().await;
        self.unguard(group);
        output
    }

    /// Puts a child process that leads a process group under the reaper, until `unguard`.
    pub(crate) fn guard(&self, process_group: u32) {
        self.tell(&format!("guard {process_group}"));
    }

    /// The guarded process group has ended by itself.
    pub(crate) fn unguard(&self, process_group: u32) {
        self.tell(&format!("unguard {process_group}"));
    }

    fn tell(&self, line: &str) {
        let Some((_, pipe)) = &self.reaper else { return };
        // a few bytes into an empty pipe do not block; a reaper that is gone is noticed when the lease is closed
        if let Ok(mut pipe) = std::os::fd::AsFd::as_fd(pipe).try_clone_to_owned().map(File::from) {
            let _ = writeln!(pipe, "{line}");
        }
    }

    /// Ends the lease and waits until everything of it that no state file names is gone.
    pub async fn close(mut self) -> Result<()> {
        self.tell("bye");
        let Some((mut child, pipe)) = self.reaper.take() else { return Ok(()) };
        drop(pipe);
        let failure = || Failure::new("reaper", "remove what this run made");
        match child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Error::Engine(failure().saw(status).hint("cargo xtask sweep"))),
            Err(error) => Err(Error::Engine(failure().saw(error).hint("cargo xtask sweep"))),
        }
    }
}

impl Drop for Lease {
    /// Waits, too: a program that ends on Ctrl-C leaves nothing for its reaper to do after it.
    fn drop(&mut self) {
        let Some((child, pipe)) = self.reaper.take() else { return };
        drop(pipe);
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid {
            // an error means that somebody else has waited for it already
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
        }
    }
}

/// This program's executable; on Linux by its inode, because a build may have replaced the file since it was started.
fn this_program() -> std::io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

/// Starts this program once more as the reaper of `run`, in a process group that no Ctrl-C of the terminal reaches.
fn start_reaper(run: &str) -> Result<(Child, ChildStdin, ChildStdout)> {
    let failed = |seen: String| Error::Engine(Failure::new("reaper", "start it").saw(seen));
    let program = this_program().map_err(|error| failed(error.to_string()))?;
    let mut child = Command::new(program)
        .env(reaper::RUN_VARIABLE, run)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => Ok((child, stdin, stdout)),
        _ => Err(failed("no pipe to it".to_owned())),
    }
}
