//! Unmodified clients of this machine reach a VPS by the files that the workspace keeps for them: ssh, scp, sftp and rsync.

use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::ensure;
use harness::catalog::PackageManager;
use harness::{Vps, VpsInfo, provision};
use rstest_reuse::apply;
use tempfile::TempDir;
use tokio::process::Command;

use crate::every_system;
use crate::support::{Scenario, on_a_vps, say};

/// More than one packet of any of them.
const SIZE: usize = 3_000_000;

/// Where a client is started: its options, and a file to send.
struct Clients {
    config: String,
    name: String,
    folder: TempDir,
}

impl Clients {
    fn new(it: &Scenario, info: &VpsInfo) -> anyhow::Result<Self> {
        let config = it.env.workspace().dir().join("ssh_config").display().to_string();
        let this = Self { config, name: info.name.clone(), folder: tempfile::tempdir()? };
        std::fs::write(this.path().join("sent"), sample())?;
        Ok(this)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a client in the folder; it must succeed. Nothing of the person's own configuration has a part in it.
    async fn run(&self, program: &str, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(program);
        command.args(words).current_dir(self.path()).stdin(Stdio::null()).kill_on_drop(true);
        let Output { status, stdout, stderr } = command.output().await?;
        ensure!(status.success(), "{program} {}: {status}\n{}", words.join(" "), String::from_utf8_lossy(&stderr));
        Ok(String::from_utf8(stdout)?)
    }

    /// Whether what came back under a name is what was sent.
    fn came_back(&self, name: &str) -> anyhow::Result<()> {
        ensure!(std::fs::read(self.path().join(name))? == sample(), "{name} came back as something else");
        Ok(())
    }
}

/// Makes sure that this machine has programs, each of a package. One scenario at a time: apt does not wait for another one
/// that fetches its lists.
pub async fn installed(it: &Scenario, programs: &[(&str, &str)]) -> anyhow::Result<()> {
    let _installing = it.env.lease().machine().lock("install").await?;
    for (program, package) in programs {
        provision::program(program, package, it.env.sources().may_install, &say).await?;
    }
    Ok(())
}

fn sample() -> Vec<u8> {
    (0..SIZE).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect()
}

#[apply(every_system)]
#[tokio::test]
async fn ssh_scp_sftp_and_rsync_work_with_the_files_of_the_workspace(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        installed(it, &[("scp", "openssh-client"), ("sftp", "openssh-client"), ("rsync", "rsync")]).await?;
        let other = it.env.vps(os, version)?.start(&it.env).await?;
        install_rsync(it, &other).await?;
        let info = other.keep(it.env.workspace()).await?;
        let used = use_all(&Clients::new(it, &info)?).await;
        it.env.remove(&info).await?;
        used?;
        let config = std::fs::read_to_string(it.env.workspace().dir().join("ssh_config"))?;
        ensure!(!config.contains(&info.name), "a VPS that is gone is still in ssh_config:\n{config}");
        Ok(())
    })
    .await
}

/// The far side of rsync is rsync.
async fn install_rsync(it: &Scenario, vps: &Vps) -> anyhow::Result<()> {
    let system = it.env.system(&vps.info().os, &vps.info().version)?;
    let command = match system.package_manager {
        PackageManager::Apt => "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes rsync",
        PackageManager::Yum => "yum install -y rsync",
        PackageManager::Dnf => "dnf install -y rsync",
    };
    vps.ssh().await?.run(command).await?;
    Ok(())
}

async fn use_all(clients: &Clients) -> anyhow::Result<()> {
    let (config, name) = (clients.config.as_str(), clients.name.as_str());
    let said = clients.run("ssh", &["-F", config, name, "hostname"]).await?;
    ensure!(said.trim() == name, "ssh is on {said:?}");

    let there = format!("{name}:/tmp/by-scp");
    clients.run("scp", &["-F", config, "sent", &there]).await?;
    clients.run("scp", &["-F", config, &there, "by-scp"]).await?;
    clients.came_back("by-scp")?;

    std::fs::write(clients.path().join("batch"), "put sent /tmp/by-sftp\nget /tmp/by-sftp by-sftp\n")?;
    clients.run("sftp", &["-F", config, "-b", "batch", name]).await?;
    clients.came_back("by-sftp")?;

    let (shell, there) = (format!("ssh -F '{config}'"), format!("{name}:/tmp/by-rsync"));
    clients.run("rsync", &["-az", "-e", &shell, "sent", &there]).await?;
    clients.run("rsync", &["-az", "-e", &shell, &there, "by-rsync"]).await?;
    clients.came_back("by-rsync")
}
