//! Running git with a deadline, without a terminal, trusting only the pinned host keys.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::process_group::ProcessGroup;
use crate::settings::DataDir;

/// How long a call that needs no network may take.
pub(super) const LOCAL: Duration = Duration::from_mins(2);

/// Why git did not do it.
#[derive(Debug)]
pub(super) enum GitError {
    /// It could not be run.
    Absent(std::io::Error),
    /// It said no; this is what it printed.
    Refused(String),
    /// It took longer than this.
    Late(Duration),
}

impl std::fmt::Display for GitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent(error) => write!(f, "git cannot be run: {error}"),
            Self::Refused(said) => f.write_str(said),
            Self::Late(after) => write!(f, "git had not finished after {} s", after.as_secs()),
        }
    }
}

/// Runs git in `dir`; answers its standard output.
pub(super) async fn git(data: &DataDir, dir: &Path, deadline: Duration, args: &[&str]) -> Result<String, GitError> {
    let mut command = Command::new("git");
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false", "-c", "gc.auto=0"]);
    command.args(args).current_dir(dir).env_clear().envs(environment(data));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let child = command.spawn().map_err(GitError::Absent)?;
    let group = ProcessGroup::of(&child);
    let output = timeout(deadline, child.wait_with_output()).await.map_err(|_| GitError::Late(deadline))?;
    let output = output.map_err(GitError::Absent)?;
    group.ended();
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = lines[lines.len().saturating_sub(6)..].join("; ");
    Err(GitError::Refused(if said.is_empty() { format!("git ended with {}", output.status) } else { said }))
}

fn environment(data: &DataDir) -> Vec<(String, String)> {
    let mut environment: Vec<(String, String)> =
        std::env::var("PATH").map(|path| ("PATH".into(), path)).into_iter().collect();
    let fixed = [
        ("HOME", data.path().display().to_string()),
        ("LC_ALL", "C".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_TERMINAL_PROMPT", "0".into()),
        ("GIT_SSH_COMMAND", ssh(data)),
        ("GIT_SSH_VARIANT", "ssh".into()),
    ];
    environment.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
    if data.authorities().is_dir() {
        environment.push(("GIT_SSL_CAPATH".into(), data.authorities().display().to_string()));
    }
    environment
}

fn ssh(data: &DataDir) -> String {
    let quoted = |path: std::path::PathBuf| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let options = [
        "IdentitiesOnly=yes",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        "ConnectTimeout=10",
        // a network that is cut in mid-fetch says nothing: 20 s without a word are its end
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
    ];
    let options: String = options.iter().flat_map(|option| [" -o ", option]).collect();
    let (key, hosts) = (quoted(data.deploy_key()), quoted(data.known_hosts()));
    format!("ssh -F /dev/null -i {key} -o UserKnownHostsFile={hosts}{options}")
}
