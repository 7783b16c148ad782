//! How somebody starts a VPS by hand: the engine's command line and an OpenSSH client that polls.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use harness::catalog::Init;
use harness::ssh::KeyPair;
use tempfile::TempDir;

/// The image that is started, and the keys of both sides.
pub struct Plain {
    image: String,
    labels: HashMap<String, String>,
    files: TempDir,
}

impl Plain {
    pub fn new(image: String, labels: HashMap<String, String>) -> anyhow::Result<Self> {
        let files = tempfile::tempdir()?;
        let (login, host) = (KeyPair::generate()?, KeyPair::generate()?);
        login.write_private(&files.path().join("login"))?;
        host.write_private(&files.path().join("host"))?;
        std::fs::write(files.path().join("authorized_keys"), login.public_line())?;
        Ok(Self { image, labels, files })
    }

    /// How long one takes to the first login; it is gone after.
    pub fn start(&self, init: Init) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let container = self.launch(init)?;
        let elapsed = start.elapsed();
        drop(container);
        Ok(elapsed)
    }

    /// How long so many take to their first logins, a few at a time; they are gone after.
    pub fn start_many(&self, init: Init, count: usize, at_a_time: usize) -> anyhow::Result<Duration> {
        let (start, next) = (Instant::now(), AtomicUsize::new(0));
        let hand = || {
            let mut containers = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                containers.push(self.launch(init)?);
            }
            anyhow::Ok(containers)
        };
        std::thread::scope(|scope| {
            let hands: Vec<_> = (0..at_a_time).map(|_| scope.spawn(hand)).collect();
            let all: Vec<_> = hands.into_iter().map(|hand| hand.join().map_err(|_| anyhow!("panicked"))).collect();
            let elapsed = start.elapsed();
            for containers in all {
                drop(containers??);
            }
            Ok(elapsed)
        })
    }

    fn launch(&self, init: Init) -> anyhow::Result<Container> {
        let container = Container::run(self, init)?;
        let port = container.port()?;
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.login(&port)? {
            ensure!(Instant::now() < deadline, "the plain container accepts no login");
        }
        Ok(container)
    }

    /// One try of the client; the next follows at once, which is the quickest that polling can be.
    fn login(&self, port: &str) -> anyhow::Result<bool> {
        let status = Command::new("ssh")
            .args(["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-i"])
            .arg(self.files.path().join("login"))
            .args(["-p", port, "root@127.0.0.1", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("run ssh")?;
        Ok(status.success())
    }
}

/// A container of the plain command line, removed when this is dropped.
struct Container(String);

impl Container {
    fn run(plain: &Plain, init: Init) -> anyhow::Result<Self> {
        let mount = |file: &str, at: &str| format!("{}:{at}:ro", plain.files.path().join(file).display());
        let mut command = Command::new("docker");
        command.args(["run", "--detach", "--cap-drop", "ALL"]);
        // a run that is killed, or that the engine refuses half way, leaves a container: the reaper finds it by these
        for (key, value) in &plain.labels {
            command.arg("--label").arg(format!("{key}={value}"));
        }
        for capability in harness::vps::CAPABILITIES {
            command.args(["--cap-add", capability]);
        }
        command
            .args(["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"])
            .args(["--cgroupns", "private", "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec"])
            .args(["--volume", "/var/lib/docker", "--volume", "/var/lib/containerd", "--publish", "127.0.0.1::22"])
            .args(["--volume", &mount("authorized_keys", "/root/.ssh/authorized_keys")])
            .args(["--volume", &mount("host", "/etc/ssh/ssh_host_ed25519_key")])
            .args([&plain.image, &init.to_string()]);
        Ok(Self(stdout(&mut command)?))
    }

    fn port(&self) -> anyhow::Result<String> {
        let address = stdout(Command::new("docker").args(["port", &self.0, "22/tcp"]))?;
        Ok(address.rsplit(':').next().unwrap_or_default().to_owned())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = stdout(Command::new("docker").args(["rm", "--force", "--volumes", &self.0]));
    }
}

pub fn stdout(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
