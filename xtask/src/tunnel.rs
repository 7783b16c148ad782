//! `DOCKER_HOST=ssh://…`: a tunnel to that engine's socket, for as long as this program and what it starts live.

use std::io::{BufRead, BufReader, PipeWriter, pipe};
use std::os::fd::IntoRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::engine::{BEHIND, HOST};
use harness::{Error, Failure};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// Where engines have their socket unless they were told otherwise.
const SOCKET: &str = "/var/run/docker.sock";
/// Runs OpenSSH's client, and takes the folder with the socket away after it.
const WRAPPER: &str = r#"folder=$1; shift; ssh "$@"; rm -rf "$folder""#;
/// What the far side says once the way is open; from then on it waits for the end of our side.
const READY: &str = "ready";

/// Does nothing unless `DOCKER_HOST` names an engine by SSH. Then opens the tunnel, and begins this program anew with the
/// tunnel's end as its engine: whatever it starts (scenarios, reapers, testcontainers) finds it in the same variable.
pub fn enter() -> anyhow::Result<()> {
    let Some(host) = std::env::var(HOST).ok().filter(|host| host.starts_with("ssh://")) else { return Ok(()) };
    let folder = tempfile::Builder::new().prefix("testvps-engine-").tempdir()?;
    let socket = folder.path().join("docker.sock");
    let held = open(&host, folder.path(), &socket)?;
    // from here on the wrapper removes it
    let _ = folder.keep();
    // the tunnel ends when the last of the processes that have this descriptor does: so it is to pass to all of them
    fcntl(&held, FcntlArg::F_SETFD(FdFlag::empty()))?;
    let _ = held.into_raw_fd();
    let mut again = Command::new(std::env::current_exe()?);
    let error = again
        .args(std::env::args_os().skip(1))
        .env(HOST, format!("unix://{}", socket.display()))
        .env(BEHIND, &host)
        .exec();
    Err(error.into())
}

/// Opens the tunnel; it stays as long as the answered end of a pipe is open somewhere.
fn open(host: &str, folder: &Path, socket: &Path) -> anyhow::Result<PipeWriter> {
    let (far_end, held) = pipe()?;
    let mut ssh = Command::new("sh")
        .args(["-c", WRAPPER, "tunnel"])
        .arg(folder)
        .args(["-T", "-o", "ExitOnForwardFailure=yes", "-o", "ServerAliveInterval=5", "-L"])
        .arg(format!("{}:{SOCKET}", socket.display()))
        .args([host.trim_end_matches('/'), &format!("echo {READY} && exec cat")])
        .stdin(far_end)
        .stdout(Stdio::piped())
        // a Ctrl-C of the terminal is for us; the tunnel is needed for what has to be removed after it
        .process_group(0)
        .spawn()?;
    let mut said = String::new();
    if let Some(stdout) = ssh.stdout.take() {
        BufReader::new(stdout).read_line(&mut said)?;
    }
    if said.trim_end() == READY {
        return Ok(held);
    }
    let failure = Failure::new("container engine", format!("reach {host}")).saw(match said.trim_end() {
        "" => "ssh ended; its own words stand above",
        other => other,
    });
    Err(Error::Machine(failure.hint(format!("`ssh {host} docker version` has to work without a question"))).into())
}
