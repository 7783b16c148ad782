//! Ending a command on the VPS that has run for too long, with all that it has started.

use std::time::Duration;

use tokio::time::timeout;

use super::session::Session;

/// The variable by which the processes of one command are found.
const VARIABLE: &str = "TESTVPS_COMMAND";

/// How long the killing may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Marks the processes of one command.
///
/// Closing its channel does not end a command, and OpenSSH delivers no signals to commands of root.
pub(super) struct Marker(String);

impl Marker {
    pub fn new() -> Self {
        Self(ulid::Ulid::new().to_string())
    }

    /// The command, marked.
    pub fn mark(&self, command: &str) -> String {
        format!("export {VARIABLE}={}; {command}", self.0)
    }

    /// Kills every process of the command, and says what came of it.
    pub async fn kill(&self, session: &Session) -> &'static str {
        match timeout(PATIENCE, Box::pin(session.exec(&self.script()))).await {
            Ok(Ok(output)) if output.success() => "the deadline passed, and it was killed",
            _ => "the deadline passed, and it could not be killed",
        }
    }

    /// The mark is in the text of the shell that runs the command and in the environment of what that starts. Each of these
    /// leads to its session, which holds the rest: sshd begins one for every command. The script spares the session that it
    /// runs in itself, and the brackets keep it from finding itself; a process may be gone before it is looked at.
    fn script(&self) -> String {
        let (first, rest) = self.0.split_at(1);
        // The fields after the name, which may hold anything: state, parent, group, session.
        let fields = "sed 's/.*) //'";
        format!(
            "own=$({fields} /proc/$$/stat | cut -d' ' -f4); \
             for f in $(grep -ls '{VARIABLE}=[{first}]{rest}' /proc/[0-9]*/cmdline /proc/[0-9]*/environ); do \
               {fields} \"${{f%/*}}/stat\" 2>/dev/null | cut -d' ' -f4; \
             done | sort -u | while read -r s; do \
               [ \"$s\" = \"$own\" ] && continue; \
               for p in /proc/[0-9]*; do \
                 set -- $({fields} \"$p/stat\" 2>/dev/null); \
                 [ \"$4\" = \"$s\" ] && kill -KILL \"${{p#/proc/}}\" 2>/dev/null; \
               done; \
             done; true"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{Seen, wait_until};
    use std::process::{Child, Command};

    #[tokio::test]
    async fn the_whole_command_is_killed_and_nothing_else() {
        let (marker, other) = (Marker::new(), Marker::new());
        let (mut shell, mut bystander) = (start(&marker), start(&other));
        for marker in [&marker, &other] {
            let started = wait_until(Duration::from_secs(10), "both sleeps", || async {
                tokio::task::yield_now().await;
                if alive(marker) == 2 { Seen::Ready(()) } else { Seen::NotYet(alive(marker).to_string()) }
            });
            started.await.unwrap();
        }
        run(&marker);
        shell.wait().unwrap();
        assert_eq!((alive(&marker), alive(&other)), (0, 2));
        run(&other);
        bystander.wait().unwrap();
    }

    /// A shell with two sleeps, as sshd starts it: the leader of a session.
    fn start(marker: &Marker) -> Child {
        let script = marker.mark("(sleep 100 & sleep 100); sleep 100");
        Command::new("setsid").args(["sh", "-c", &script]).spawn().unwrap()
    }

    fn run(marker: &Marker) {
        assert!(Command::new("sh").args(["-c", &marker.script()]).status().unwrap().success());
    }

    /// How many processes carry the mark in their environment.
    fn alive(marker: &Marker) -> usize {
        let mark = format!("{VARIABLE}={}", marker.0);
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| std::fs::read(entry.ok()?.path().join("environ")).ok())
            .filter(|environ| String::from_utf8_lossy(environ).contains(&mark))
            .count()
    }
}
