//! A mock VPS: reaching it, looking into it, removing it.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::Mutex;

use super::info::VpsInfo;
use crate::Engine;
use crate::catalog::Init;
use crate::engine::{ContainerState, LogLine};
use crate::error::Result;
use crate::redact;
use crate::ssh::{Forward, HostKey, KeyPair, Session, Target};
use crate::workspace::{Claim, Workspace};

/// How long a VPS that is up may take to accept a login.
const LOGIN: Duration = Duration::from_secs(30);
/// After this time without one it is asked whether the VPS is on at all.
const ASK_AFTER: Duration = Duration::from_secs(1);

/// A mock VPS.
///
/// One that was not [kept](super::VpsRequest::kept) goes when it is [closed](Vps::close); dropping it leaves that to the
/// end of the lease, and says so.
///
/// ```no_run
/// # async fn example(env: &harness::TestEnv) -> harness::Result<()> {
/// let vps = env.vps("debian", "12")?.with_name("shop").start(env).await?;
/// let session = vps.ssh().await?;
/// session.upload("site".as_ref(), "/srv/").await?;
/// assert_eq!(session.run("hostname").await?.stdout_text().trim(), "shop");
/// println!("{} has {} bytes of memory", vps.subject(), vps.memory().await?);
/// vps.close().await
/// # }
/// ```
pub struct Vps {
    pub(super) info: VpsInfo,
    host_key: String,
    pub(super) engine: Engine,
    login: KeyPair,
    session: Mutex<Option<Session>>,
    pub(super) forwards: Mutex<Vec<Forward>>,
    kept: bool,
    /// Its name, until the workspace keeps it.
    pub(super) claim: Option<Claim>,
}

impl fmt::Debug for Vps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vps").field(&self.info.subject()).finish()
    }
}

impl Vps {
    pub(super) fn new(info: VpsInfo, host_key: String, engine: Engine, login: KeyPair, kept: bool) -> Self {
        if let Ok(key) = login.private_text() {
            redact::learn(&key);
        }
        Self { info, host_key, engine, login, session: Mutex::new(None), forwards: Mutex::default(), kept, claim: None }
    }

    /// A VPS that the workspace keeps.
    pub fn attach(info: VpsInfo, engine: Engine, workspace: &Workspace) -> Result<Self> {
        info.check_engine(&engine)?;
        let (host_key, login) = (Workspace::host_key(&info)?, workspace.key()?);
        Ok(Self::new(info, host_key, engine, login, true))
    }

    /// What is known of it.
    #[must_use]
    pub fn info(&self) -> &VpsInfo {
        &self.info
    }

    /// `debian 12 (a)`
    #[must_use]
    pub fn subject(&self) -> String {
        self.info.subject()
    }

    /// The public key line of the host key it must show.
    #[must_use]
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// Where and how to log in as root; a test changes parts of it to see a login refused.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target_with(self.login.clone())
    }

    /// The same with another key.
    #[must_use]
    pub fn target_with(&self, key: KeyPair) -> Target {
        let ssh = &self.info.ssh;
        Target::new(ssh.host.to_string(), ssh.port, key, HostKey::Pinned(self.host_key.clone()))
            .user(ssh.user.clone())
            .named(self.subject())
    }

    /// An SSH session as root; one connection is shared for as long as it lives.
    pub async fn ssh(&self) -> Result<Session> {
        self.ssh_within(LOGIN).await
    }

    /// The same, with more or less patience for a VPS that is still coming up. One that is off is not waited for.
    pub async fn ssh_within(&self, deadline: Duration) -> Result<Session> {
        let mut connecting = pin!(self.connect_within(deadline));
        if let Ok(session) = tokio::time::timeout(ASK_AFTER, &mut connecting).await {
            return session;
        }
        self.check_running("log in").await?;
        connecting.await
    }

    /// The same, whatever its container is said to do.
    pub(super) async fn connect_within(&self, deadline: Duration) -> Result<Session> {
        let mut shared = self.session.lock().await;
        if let Some(session) = shared.as_ref().filter(|session| session.is_alive()) {
            return Ok(session.clone());
        }
        let session = Session::connect(&self.target(), deadline).await?;
        *shared = Some(session.clone());
        Ok(session)
    }

    /// Ends the shared connection, if there is one: what it leads to is about to go.
    pub(super) async fn forget_session(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.close().await;
        }
    }

    /// Where its container is in its life; nothing if it is gone.
    pub async fn state(&self) -> Result<Option<ContainerState>> {
        self.engine.container_state(&self.info.container_id).await
    }

    /// How many bytes of memory its processes use now, and the kernel for them. The page cache of its files is left out: it
    /// goes as soon as somebody needs the memory.
    pub async fn memory(&self) -> Result<u64> {
        self.engine.memory_without_cache(&self.info.container_id).await
    }

    /// What the container itself wrote: all there is without systemd, and what went wrong before PID 1.
    pub fn container_log(&self, follow: bool) -> impl Stream<Item = Result<LogLine>> + Send + '_ {
        self.engine.container_logs(&self.info.container_id, follow)
    }

    /// Runs a command in its container, without the SSH server, the network or the init of the VPS having a part in it;
    /// answers what was printed.
    pub async fn run_by_engine(&self, command: &str, deadline: Duration) -> Result<String> {
        self.engine.run_in(&self.info.container_id, command, deadline).await
    }

    /// The command that shows its journal; nothing where there is none.
    #[must_use]
    pub fn journal_command(&self, follow: bool) -> Option<&'static str> {
        match (self.info.init, follow) {
            (Init::Systemd, false) => Some("journalctl --no-pager"),
            (Init::Systemd, true) => Some("journalctl --no-pager --follow --lines=all"),
            (Init::Sshd, _) => None,
        }
    }

    /// Hands it to the workspace that it was started in: it stays until somebody takes it down.
    pub async fn keep(mut self, workspace: &Workspace) -> Result<VpsInfo> {
        self.forget_session().await;
        workspace.remember(&self.info, &self.host_key)?;
        self.kept = true;
        Ok(self.info.clone())
    }

    /// Removes it with its disk.
    pub async fn close(mut self) -> Result<()> {
        self.kept = true;
        self.forget_session().await;
        self.info.remove_from(&self.engine).await
    }
}

impl Drop for Vps {
    fn drop(&mut self) {
        if !self.kept {
            tracing::warn!("{} was dropped without close(): it stays until the end of its lease", self.info.subject());
        }
    }
}
