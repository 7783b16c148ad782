//! How somebody starts a VPS by hand: the engine's command line and an OpenSSH client that polls.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::{StreamExt, TryStreamExt, stream};
use harness::catalog::Init;
use harness::lease::Lease;
use harness::ssh::KeyPair;
use tempfile::TempDir;
use tokio::process::Command;

use super::child::{stdout, succeeds};

/// The image that is started, and the keys of both sides.
pub struct Plain<'a> {
    lease: &'a Lease,
    image: String,
    files: TempDir,
}

impl<'a> Plain<'a> {
    pub fn new(lease: &'a Lease, image: String) -> anyhow::Result<Self> {
        let files = tempfile::tempdir()?;
        let (login, host) = (KeyPair::generate()?, KeyPair::generate()?);
        login.write_private(&files.path().join("login"))?;
        host.write_private(&files.path().join("host"))?;
        std::fs::write(files.path().join("authorized_keys"), login.public_line())?;
        Ok(Self { lease, image, files })
    }

    /// How long one takes to the first login; it is gone after.
    pub async fn start(&self, init: Init) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let container = self.launch(init).await?;
        let elapsed = start.elapsed();
        drop(container);
        Ok(elapsed)
    }

    /// How long so many take to their first logins, a few at a time; they are gone after.
    pub async fn start_many(&self, init: Init, count: usize, at_a_time: usize) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let launches = stream::iter(0..count).map(|_| self.launch(init)).buffer_unordered(at_a_time);
        let containers: Vec<Container> = launches.try_collect().await?;
        let elapsed = start.elapsed();
        drop(containers);
        Ok(elapsed)
    }

    async fn launch(&self, init: Init) -> anyhow::Result<Container> {
        let container = Container::run(self, init).await?;
        let port = container.port(self.lease).await?;
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.login(&port).await? {
            ensure!(Instant::now() < deadline, "the plain container accepts no login");
        }
        Ok(container)
    }

    /// One try of the client; the next follows at once, which is the quickest that polling can be.
    async fn login(&self, port: &str) -> anyhow::Result<bool> {
        let mut command = Command::new("ssh");
        command
            .args(["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-i"])
            .arg(self.files.path().join("login"))
            .args(["-p", port, "root@127.0.0.1", "true"]);
        succeeds(self.lease, &mut command).await
    }
}

/// A container of the plain command line, removed when this is dropped.
struct Container(String);

impl Container {
    async fn run(plain: &Plain<'_>, init: Init) -> anyhow::Result<Self> {
        let mount = |file: &str, at: &str| format!("{}:{at}:ro", plain.files.path().join(file).display());
        let mut command = Command::new("docker");
        command.args(["run", "--detach", "--cap-drop", "ALL"]);
        // a run that is killed, or that the engine refuses half way, leaves a container: the reaper finds it by these
        for (key, value) in plain.lease.labels("bench") {
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
        Ok(Self(stdout(plain.lease, &mut command).await?))
    }

    async fn port(&self, lease: &Lease) -> anyhow::Result<String> {
        let address = stdout(lease, Command::new("docker").args(["port", &self.0, "22/tcp"])).await?;
        Ok(address.rsplit(':').next().unwrap_or_default().to_owned())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // one that stays has the lease's labels: it goes with that
        let _ = std::process::Command::new("docker").args(["rm", "--force", "--volumes", &self.0]).output();
    }
}
