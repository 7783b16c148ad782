//! A program and everything that it started, ended together.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;

/// Kills a process group when it is dropped: a deadline or a cancelled deploy drops the future that waits for it.
pub(crate) struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// The group of a child that was started with `process_group(0)`.
    pub(crate) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    /// The program has ended by itself.
    pub(crate) fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // an error means that all of them have ended already
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
