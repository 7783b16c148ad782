//! A git server that VPSes clone from with their deploy key: real git over a real SSH server, in a container.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use testcontainers::core::ExecCommand;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, CopyTargetOptions, GenericImage, ImageExt, TestcontainersError};

use crate::Engine;
use crate::error::{Error, Failure, Result, chain};
use crate::image::Tool;
use crate::project::Checkout;
use crate::redact;
use crate::ssh::{HostKey, KeyPair, Session, Target, quote};
use crate::story;
use crate::testenv::TestEnv;
use crate::tool_container::{reach, tool_container};

/// Where the repositories are.
const REPOSITORIES: &str = "/srv/git";
/// The port of its SSH server.
const SSH: u16 = 22;
/// Who owns them.
const USER: &str = "git";
/// The keys that it lets in, each with what it may do.
const KEYS: &str = "/home/git/.ssh/authorized_keys";

/// A git server for as long as the value lives.
pub struct GitHost {
    container: ContainerAsync<GenericImage>,
    engine: Engine,
    name: String,
    admin: KeyPair,
    host_key: KeyPair,
    admin_key_file: tempfile::NamedTempFile,
    known_hosts: tempfile::NamedTempFile,
}

impl GitHost {
    /// The host key that a VPS must be told to trust; the same for every git host of a workspace.
    pub fn host_key(env: &TestEnv) -> Result<KeyPair> {
        KeyPair::load_or_generate(&env.workspace().dir().join("githost_ed25519"))
    }

    /// The name under which the git host of `whom` (a VPS, a test) is reached from VPSes.
    #[must_use]
    pub fn name_for(env: &TestEnv, whom: &str) -> String {
        // with a dot, it is looked up as it is, and not in the VPSes' domain first
        format!("git-{whom}.{}.testvps", env.workspace().id())
    }

    /// The line of a `known_hosts` file that pins the git host called `name`.
    pub fn known_hosts_line(env: &TestEnv, name: &str) -> Result<String> {
        Ok(format!("{name} {}", Self::host_key(env)?.public_line()))
    }

    /// Starts a git server called `name`.
    pub async fn start(env: &TestEnv, name: &str) -> Result<Self> {
        let (admin, host_key) = (KeyPair::generate()?, Self::host_key(env)?);
        let container = tool_container(env, Tool::GitHost, "githost", name, SSH)
            .await?
            .with_hostname(name)
            .with_copy_to(private("/etc/ssh/ssh_host_ed25519_key"), host_key.private_text()?.into_bytes())
            .with_copy_to(private(KEYS), (admin.public_line() + "\n").into_bytes())
            .start()
            .await
            .map_err(|error| failed(name, "start it", &error))?;
        let file = || tempfile::NamedTempFile::new().map_err(|error| failed(name, "make a file", &error));
        let (admin_key_file, known_hosts) = (file()?, file()?);
        admin.write_private(admin_key_file.path())?;
        std::fs::write(known_hosts.path(), format!("{name} {}\n", host_key.public_line()))
            .map_err(|error| failed(name, "write its host key", &error))?;
        let engine = env.engine().clone();
        let this = Self { container, engine, name: name.to_owned(), admin, host_key, admin_key_file, known_hosts };
        this.login().await?;
        Ok(this)
    }

    /// Where this machine reaches its SSH server.
    async fn place(&self) -> Result<SocketAddr> {
        let place = reach(&self.engine, &self.container, SSH).await;
        place.map_err(|error| failed(&self.name, "find its port", &error))
    }

    /// Takes it off the network, name and all; the repositories stay.
    pub async fn stop(&self) -> Result<()> {
        let stopped = self.container.stop_with_timeout(Some(0)).await;
        stopped.map_err(|error| failed(&self.name, "stop it", &error))
    }

    /// Brings it back after a [`stop`](Self::stop).
    pub async fn start_again(&self) -> Result<()> {
        self.container.start().await.map_err(|error| failed(&self.name, "start it again", &error))?;
        self.login().await
    }

    /// Makes sure that the SSH server is up before anybody pushes.
    async fn login(&self) -> Result<()> {
        let (key, host_key) = (self.admin.clone(), HostKey::Pinned(self.host_key.public_line()));
        let place = self.place().await?;
        let target = Target::new(place.ip().to_string(), place.port(), key, host_key).user(USER).named(self.subject());
        let session = Session::connect(&target, Duration::from_secs(30)).await?;
        session.run("true").await?;
        session.close().await;
        Ok(())
    }

    fn subject(&self) -> String {
        format!("git host {}", self.name)
    }

    /// The address of a repository as VPSes reach it.
    #[must_use]
    pub fn remote(&self, repository: &str) -> String {
        format!("ssh://{USER}@{}{REPOSITORIES}/{repository}.git", self.name)
    }

    /// Makes an empty repository, unless it is there.
    pub async fn create(&self, repository: &str) -> Result<()> {
        let path = quote(&format!("{REPOSITORIES}/{repository}.git")).into_owned();
        let init = format!("test -d {path} || git init --quiet --bare --initial-branch main {path}");
        self.exec("make a repository", &init).await.map(drop)
    }

    /// Lets a deploy key read a repository, beside those that it was registered for before.
    pub async fn register(&self, repository: &str, public_line: &str) -> Result<()> {
        let reader = HEXLOWER.encode(&Sha256::digest(public_line.trim()));
        let line = format!("command=\"githost-read {reader}\",restrict {}", public_line.trim());
        let (line, readers) = (quote(&line), "/home/git/readers");
        let register = format!(
            "printf '%s\\n' {REPOSITORIES}/{repository}.git >> {readers}/{reader} && \
             {{ grep -qxF -e {line} {KEYS} || printf '%s\\n' {line} >> {KEYS}; }}"
        );
        self.exec("register a deploy key", &register).await.map(drop)
    }

    /// Lets a deploy key in no more; registering it again brings back what it could read.
    pub async fn forget(&self, public_line: &str) -> Result<()> {
        let key = quote(public_line.trim());
        let forget = format!("kept=$(grep -vF -e {key} {KEYS}) && printf '%s\\n' \"$kept\" > {KEYS}");
        self.exec("forget a deploy key", &forget).await.map(drop)
    }

    /// Serves the repositories over HTTPS, too, to whoever knows the password; answers the certificate, in PEM.
    pub async fn serve_https(&self, password: &str) -> Result<String> {
        redact::learn(password);
        self.run("serve HTTPS", ["githost-https", password]).await
    }

    /// The address of a repository over HTTPS as VPSes reach it.
    #[must_use]
    pub fn https_remote(&self, repository: &str, password: &str) -> String {
        format!("https://reader:{password}@{}{REPOSITORIES}/{repository}.git", self.name)
    }

    /// Lets a repository tell of each push with a webhook signed as GitHub does; `certificate` is the only one, in PEM,
    /// that is trusted behind the address.
    pub async fn webhook(&self, repository: &str, url: &str, secret: &str, certificate: &str) -> Result<()> {
        redact::learn(secret);
        let path = format!("{REPOSITORIES}/{repository}.git");
        let remote = self.remote(repository);
        let mut script = format!("set -e; umask 077; mkdir -p {0}/webhook; cd {0}/webhook; : >> answers", quote(&path));
        for (file, content) in [("url", url), ("secret", secret), ("remote", &remote), ("certificate.pem", certificate)]
        {
            let _ = write!(script, "; printf '%s\\n' {} > {file}", quote(content));
        }
        script += "; ln -sf /usr/local/bin/post-receive ../hooks/post-receive";
        self.exec("set up a webhook", &script).await.map(|_| ())
    }

    /// The HTTP status of each webhook that a repository has sent; 0 where nobody answered.
    pub async fn webhook_answers(&self, repository: &str) -> Result<Vec<u16>> {
        let script = format!("cat {}", quote(&format!("{REPOSITORIES}/{repository}.git/webhook/answers")));
        let said = self.exec("read the answers to webhooks", &script).await?;
        Ok(said.lines().map(|line| line.trim().parse().unwrap_or(0)).collect())
    }

    /// Pushes the present commit of a checkout to a branch of a repository, replacing what is there.
    pub async fn push(&self, checkout: &Checkout, repository: &str, branch: &str) -> Result<()> {
        let url = format!("ssh://{USER}@{}{REPOSITORIES}/{repository}.git", self.place().await?);
        let ssh = format!(
            "ssh -F /dev/null -o HostKeyAlias={} -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={} \
             -o StrictHostKeyChecking=yes",
            self.name,
            quote(&self.admin_key_file.path().display().to_string()),
            quote(&self.known_hosts.path().display().to_string())
        );
        let refspec = format!("HEAD:refs/heads/{branch}");
        let told = story::begin(story::Kind::Git, || format!("push to {branch} of {repository}"));
        let push = ["push", "--quiet", "--force", &url, &refspec];
        let pushed = checkout.git_with(&push, &[("GIT_SSH_COMMAND", ssh)]).await;
        told.end(pushed.is_ok(), || pushed.as_ref().map_or_else(ToString::to_string, |_| "pushed".to_owned()), &[]);
        pushed.map(drop)
    }

    /// Runs a command in the container as the owner of the repositories.
    async fn exec(&self, action: &str, script: &str) -> Result<String> {
        self.run(action, ["su", USER, "-s", "/bin/sh", "-c", script]).await
    }

    /// Runs a command in the container; answers what it printed.
    async fn run<'a>(&self, action: &str, command: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let failed = |error: TestcontainersError| failed(&self.name, action, &error);
        let mut result = self.container.exec(ExecCommand::new(command)).await.map_err(failed)?;
        let printed = result.stdout_to_vec().await.map_err(failed)?;
        let said = result.stderr_to_vec().await.map_err(failed)?;
        match result.exit_code().await.map_err(failed)? {
            Some(0) => Ok(String::from_utf8_lossy(&printed).into_owned()),
            code => {
                let seen = format!("exit status {code:?}\n{}", String::from_utf8_lossy(&said));
                Err(Error::Deploy(Failure::new(self.subject(), action).saw(seen)))
            }
        }
    }

    /// What its SSH server said: who came with which key, and what was refused.
    pub async fn log(&self) -> Result<String> {
        let failed = |error: TestcontainersError| failed(&self.name, "read its log", &error);
        let said = self.container.stderr_to_vec().await.map_err(failed)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    /// Removes it with its repositories.
    pub async fn close(self) -> Result<()> {
        let name = self.name;
        self.container.rm().await.map_err(|error| failed(&name, "remove it", &error))
    }
}

fn private(path: &str) -> CopyTargetOptions {
    CopyTargetOptions::new(path).with_mode(0o600)
}

fn failed(name: &str, action: &str, error: &dyn std::error::Error) -> Error {
    Error::Deploy(Failure::new(format!("git host {name}"), action).saw(chain(error)))
}
