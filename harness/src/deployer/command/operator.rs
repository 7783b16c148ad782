//! The operator's side: what a command is told about the VPS and the project, and running it there.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command as Process;
use tokio::time::timeout;

use super::super::Source;
use crate::error::{Error, Failure, Result};
use crate::project::Project;
use crate::story;
use crate::vps::Vps;
use crate::workspace::{inventory_line, ssh_config_entry, write_whole};

/// How long a command may take.
pub(super) const DEADLINE: Duration = Duration::from_mins(10);

/// Environment variables of a command.
pub(super) type Variables = Vec<(&'static str, String)>;

/// The files by which OpenSSH and Ansible reach a VPS; they go with the value.
pub(super) struct Files {
    folder: TempDir,
}

impl Files {
    pub fn of(vps: &Vps) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tool-").tempdir();
        let folder = folder.map_err(|error| {
            Error::File(Failure::new(vps.subject(), "make a folder for the deploy tool").saw(error))
        })?;
        let files = Self { folder };
        let (info, hosts) = (vps.info(), files.path("known_hosts"));
        write_whole(&hosts, &info.ssh.known_hosts_line(vps.host_key()))?;
        write_whole(&files.path("ssh_config"), &ssh_config_entry(info, &hosts))?;
        write_whole(&files.path("inventory.ini"), &format!("[vps]\n{}", inventory_line(info, &hosts)))?;
        Ok(files)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// How to reach the VPS.
    pub fn variables(&self, vps: &Vps) -> Variables {
        let (info, ssh) = (vps.info(), &vps.info().ssh);
        let path = |file| self.path(file).display().to_string();
        vec![
            ("TESTVPS_NAME", info.name.clone()),
            ("TESTVPS_ADDRESS", info.address.to_string()),
            ("TESTVPS_SSH_HOST", ssh.host.to_string()),
            ("TESTVPS_SSH_PORT", ssh.port.to_string()),
            ("TESTVPS_SSH_USER", ssh.user.clone()),
            ("TESTVPS_SSH_KEY", ssh.identity_file.display().to_string()),
            ("TESTVPS_KNOWN_HOSTS", path("known_hosts")),
            ("TESTVPS_SSH_CONFIG", path("ssh_config")),
            ("TESTVPS_INVENTORY", path("inventory.ini")),
            ("TESTVPS_SCRATCH", self.folder.path().display().to_string()),
        ]
    }
}

/// What is to be deployed, as both sides are told.
pub(super) fn of_project(project: &Project, source: &Source, commit: &str) -> Variables {
    let settings = &project.settings;
    let container_port = settings.container_port.unwrap_or(settings.port);
    vec![
        ("TESTVPS_PROJECT", project.name.clone()),
        ("TESTVPS_BUILD_TYPE", settings.build_type.word().to_owned()),
        ("TESTVPS_PORT", settings.port.to_string()),
        ("TESTVPS_CONTAINER_PORT", container_port.to_string()),
        ("TESTVPS_SERVICE", settings.service.clone().unwrap_or_default()),
        ("TESTVPS_HEALTH_PATH", settings.health.path.clone()),
        ("TESTVPS_REMOTE", source.remote.clone()),
        ("TESTVPS_BRANCH", source.branch.clone()),
        ("TESTVPS_COMMIT", commit.to_owned()),
    ]
}

/// Runs a script on this machine, in the folder of the tool's file; `take` gets its standard output as it comes, and what it
/// says on standard error, too. An error quotes the end of what it said.
pub(super) async fn run(
    folder: &Path,
    script: &str,
    variables: &Variables,
    failure: Failure,
    mut take: impl FnMut(bool, &[u8]) + Send,
) -> Result<()> {
    let told = story::begin(story::Kind::Step, || failure.to_string());
    let start = Instant::now();
    let mut said = Vec::new();
    let ended = timeout(
        DEADLINE,
        spawned(folder, script, variables, |is_out, piece| {
            said.extend_from_slice(piece);
            take(is_out, piece);
        }),
    );
    let seen = match ended.await {
        Ok(Ok(status)) if status.success() => {
            told.end(true, || "done".to_owned(), &[&said]);
            return Ok(());
        }
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("not done after {} s", DEADLINE.as_secs()),
    };
    told.end(false, || seen.clone(), &[&said]);
    Err(Error::Deploy(failure.after(start.elapsed()).saw(format!("{}\n{seen}", last_lines(&said)))))
}

async fn spawned(
    folder: &Path,
    script: &str,
    variables: &Variables,
    mut take: impl FnMut(bool, &[u8]) + Send,
) -> std::io::Result<std::process::ExitStatus> {
    let mut child = Process::new("sh")
        .args(["-eu", "-c", script])
        .current_dir(folder)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        // another engine than the VPS's is none of the tool's business
        .env_remove("DOCKER_HOST")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut of_out, mut of_err) = (vec![0; 8192], vec![0; 8192]);
    // what a command leaves running may hold its streams: they are read until it has ended, and then what is there
    let status = loop {
        tokio::select! {
            biased;
            Some(count) = read(&mut out, &mut of_out) => take(true, &of_out[..count]),
            Some(count) = read(&mut err, &mut of_err) => take(false, &of_err[..count]),
            status = child.wait() => break status?,
        }
    };
    Ok(status)
}

/// Some bytes of a stream; nothing once it has ended.
async fn read(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> Option<usize> {
    let count = stream.as_mut()?.read(buffer).await.unwrap_or_default();
    if count == 0 {
        *stream = None;
        return None;
    }
    Some(count)
}

/// The end of what a command said.
pub(super) fn last_lines(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
