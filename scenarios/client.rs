//! What a person with a project folder does: the client of the deploy daemon, from an empty configuration on.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::Vps;
use harness::githost::GitHost;
use harness::project::MAIN_BRANCH;
use rstest_reuse::apply;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::every_system;
use crate::support::{deployd, on_a_stage, on_a_vps, project};

/// The same program that the daemon is, on the operator's side.
pub struct Client {
    binary: PathBuf,
    project: PathBuf,
    home: TempDir,
}

impl Client {
    /// A client in a project folder, with nothing configured yet.
    pub fn new(project: &Path) -> anyhow::Result<Self> {
        let binary = std::env::var_os("TESTENV_DEPLOYD_BINARY").context("TESTENV_DEPLOYD_BINARY names no program")?;
        Ok(Self { binary: binary.into(), project: project.to_owned(), home: tempfile::tempdir()? })
    }

    /// The program with these words.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(&self.project).env("XDG_CONFIG_HOME", self.home.path());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn run(&self, words: &[&str]) -> anyhow::Result<Output> {
        let output = self.command(words).output().await?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        eprintln!("$ deployd {}\n{out}{err}({})", words.join(" "), output.status);
        Ok(output)
    }

    /// Runs a command that must succeed; answers its standard output.
    pub async fn done(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = self.run(words).await?;
        ensure!(output.status.success(), "deployd {}: {}", words.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a command that must end with this exit status; answers its standard error.
    pub async fn refused(&self, status: i32, words: &[&str]) -> anyhow::Result<String> {
        let output = self.run(words).await?;
        ensure!(output.status.code() == Some(status), "deployd {}: {}", words.join(" "), output.status);
        Ok(String::from_utf8(output.stderr)?)
    }

    /// The first line of a command that goes on until it is stopped.
    async fn first_line(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut process = self.command(words).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("no standard output")?).lines();
        let line = timeout(Duration::from_secs(30), lines.next_line()).await.context("no line within 30 s")??;
        ensure!(process.try_wait()?.is_none(), "it ended instead of going on");
        process.kill().await?;
        line.context("it printed nothing")
    }

    fn file(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.home.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    /// A configuration for ssh in which the VPS is called `vps`, as an operator would have one.
    fn ssh_config(&self, vps: &Vps) -> anyhow::Result<String> {
        let ssh = &vps.info().ssh;
        let known_hosts = self.file("known_hosts", &format!("[{}]:{} {}\n", ssh.host, ssh.port, vps.host_key()))?;
        let (host, port, user, key) = (ssh.host, ssh.port, &ssh.user, ssh.identity_file.display());
        self.file(
            "ssh_config",
            &format!(
                "Host vps\n  HostName {host}\n  Port {port}\n  User {user}\n  IdentityFile \"{key}\"\n  \
                 IdentitiesOnly yes\n  UserKnownHostsFile \"{known_hosts}\"\n  StrictHostKeyChecking yes\n"
            ),
        )
    }
}

#[apply(every_system)]
#[tokio::test]
async fn a_person_goes_from_a_bare_server_to_a_served_application_and_back(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let (name, project) = (GitHost::name_for(&it.env, &it.vps.info().name), project("dockerfile-web")?);
        let (image, git) = tokio::join!(deployd(&it.env), GitHost::start(&it.env, &name));
        let (image, git) = (image?.image().to_owned(), git?);
        git.create(&project.name).await?;
        let checkout = project.checkout().await?;
        checkout.git(&["remote", "add", "origin", &git.remote(&project.name)]).await?;
        let client = Client::new(checkout.path())?;

        client.done(&["init", "--name", "shop"]).await?;
        let address = it.vps.info().address.to_string();
        let ssh_config = client.ssh_config(&it.vps)?;
        client.done(&["remote", "add", "there", &address, "--ssh-host", "vps", "--ssh-config", &ssh_config]).await?;
        let unknown = client.refused(1, &["status"]).await?;
        ensure!(unknown.contains("deployd remote init"), "{unknown}");

        let known_hosts = client.file("git_hosts", &GitHost::known_hosts_line(&it.env, &name)?)?;
        let told = client.done(&["remote", "init", "--image", &image, "--git-known-hosts", &known_hosts]).await?;
        let key = told.lines().map(str::trim).find(|line| line.starts_with("ssh-ed25519 ")).context("no deploy key")?;
        ensure!(told.contains(&format!("https://{address}:4303/webhook")) && told.contains("secret   "), "{told}");
        let status = client.done(&["status"]).await?;
        ensure!(status.contains("nothing was deployed yet"), "{status}");
        let committed = std::fs::read_to_string(checkout.path().join("project.toml"))?;
        let secrets = client.home.path().join("deployd/remotes").join(format!("{address}_4303.toml"));
        let token = std::fs::read_to_string(&secrets)?;
        let token =
            token.split("token = \"").nth(1).and_then(|rest| rest.split('"').next()).context("no token kept")?;
        ensure!(committed.contains("[[client.remotes]]") && !committed.contains(token), "{committed}");

        let commit = checkout.commit_all("Name the server").await?;
        git.push(&checkout, &project.name, MAIN_BRANCH).await?;
        let refused = client.refused(1, &["up"]).await?;
        ensure!(refused.contains(key), "a deploy with an unknown key does not tell it: {refused}");
        git.register(&project.name, key).await?;
        let built = client.done(&["up"]).await?;
        let last = built.lines().last().unwrap_or_default();
        ensure!(last.starts_with("deploy succeeded: ") && last.contains(&commit), "the last line is {last:?}");

        let status = client.done(&["status"]).await?;
        ensure!(status.contains(&commit[..12]) && status.contains("ok (HTTP 200)"), "{status}");
        let logs = client.done(&["logs", "deployd", "-n", "5000"]).await?;
        ensure!(logs.contains("deployd serves"), "{logs}");
        let followed = client.first_line(&["logs", "deployd", "-n", "5000", "--follow"]).await?;
        ensure!(logs.lines().next() == Some(followed.as_str()), "it begins with {followed:?}");
        let unknown = client.refused(1, &["logs", "nobody"]).await?;
        ensure!(unknown.contains("nobody"), "{unknown}");
        let unknown = client.refused(1, &["logs", "nobody", "--follow"]).await?;
        ensure!(unknown.contains("nobody"), "{unknown}");

        client.done(&["down"]).await?;
        let again = client.refused(1, &["down"]).await?;
        ensure!(!again.is_empty(), "a second down says nothing");
        client.done(&["remote", "uninstall", "--yes"]).await?;
        let left = it
            .vps
            .ssh()
            .await?
            .run("docker ps -aq --filter label=deployd.role; ls -d /var/lib/deployd || true")
            .await?;
        ensure!(left.stdout_text().trim().is_empty(), "left behind: {left:?}");
        client.refused(1, &["status"]).await?;
        git.close().await?;
        Ok(())
    })
    .await
}

#[apply(every_system)]
#[tokio::test]
async fn a_team_mate_trusts_the_server_sets_variables_and_rolls_back(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let client = Client::new(stage.checkout.path())?;
        let remote = stage.git.remote(&stage.project.name);
        stage.checkout.git(&["remote", "add", "origin", &remote]).await?;
        client.done(&["init"]).await?;
        let address = stage.vps().info().address.to_string();
        client.done(&["remote", "add", "there", &address]).await?;
        let info = stage.vps().ssh().await?.run("docker exec deployd deployd info").await?.stdout_text().into_owned();
        let pin = info.lines().find_map(|line| line.strip_prefix("certificate_sha256=")).context("no fingerprint")?;
        client.done(&["remote", "trust", "--fingerprint", pin]).await?;
        let out = client.refused(1, &["status"]).await?;
        ensure!(out.contains("needs a token"), "{out}");

        let token = &stage.access.token;
        let mut up = client.command(&["remote", "trust", "--fingerprint", pin, "--token-stdin"]);
        let mut trusting = up.stdin(Stdio::piped()).spawn()?;
        let mut stdin = trusting.stdin.take().context("no standard input")?;
        tokio::io::AsyncWriteExt::write_all(&mut stdin, token.as_bytes()).await?;
        drop(stdin);
        ensure!(trusting.wait().await?.success(), "the token is not taken");

        stage.push().await?;
        client.done(&["env", "set", "GREETING=hello"]).await?;
        client.done(&["env", "set", "SECRET=s3cret-value", "--encrypt"]).await?;
        client.done(&["up"]).await?;
        let first = stage.checkout.head().await?;
        let listed = client.done(&["env", "list"]).await?;
        ensure!(!listed.contains("s3cret"), "the list shows it in clear: {listed}");
        ensure!(listed.contains("hello") && listed.contains("SECRET"), "{listed}");
        client.done(&["env", "unset", "GREETING"]).await?;
        let listed = client.done(&["env", "list"]).await?;
        ensure!(!listed.contains("GREETING") && listed.contains("SECRET"), "{listed}");

        let second = stage.checkout.commit_all("Change it").await?;
        stage.push().await?;
        client.done(&["up"]).await?;
        ensure!(stage.page().await?.contains(&second), "the second commit does not serve");
        client.done(&["rollback"]).await?;
        ensure!(stage.page().await?.contains(&first), "the first commit does not serve again");
        let deploys = client.done(&["deploys"]).await?;
        ensure!(deploys.contains(&first[..12]) && deploys.contains(&second[..12]), "{deploys}");
        Ok(())
    })
    .await
}
