//! A mock VPS: reaching it, looking into it, removing it.

use std::fmt;
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::Mutex;

use super::info::VpsInfo;
use crate::Engine;
use crate::catalog::Init;
use crate::engine::{ContainerState, LogLine};
use crate::error::Result;
use crate::ssh::{HostKey, KeyPair, Session, Target};
use crate::workspace::Workspace;

/// How long a VPS that is up may take to accept a login.
const LOGIN: Duration = Duration::from_secs(30);

/// A mock VPS.
///
/// One that was not [kept](super::VpsRequest::kept) goes when it is [closed](Vps::close); dropping it leaves that to the
/// end of the lease, and says so.
pub struct Vps {
    pub(super) info: VpsInfo,
    host_key: String,
    engine: Engine,
    login: KeyPair,
    session: Mutex<Option<Session>>,
    kept: bool,
}

impl fmt::Debug for Vps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vps").field(&self.info.subject()).finish()
    }
}

impl Vps {
    pub(super) fn new(info: VpsInfo, host_key: String, engine: Engine, login: KeyPair, kept: bool) -> Self {
        Self { info, host_key, engine, login, session: Mutex::new(None), kept }
    }

    /// A VPS that the workspace keeps.
    pub fn attach(info: VpsInfo, engine: Engine, workspace: &Workspace) -> Result<Self> {
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

    /// The same, with more or less patience for a VPS that is still coming up.
    pub async fn ssh_within(&self, deadline: Duration) -> Result<Session> {
        let mut shared = self.session.lock().await;
        if let Some(session) = shared.as_ref().filter(|session| session.is_alive()) {
            return Ok(session.clone());
        }
        let session = Session::connect(&self.target(), deadline).await?;
        *shared = Some(session.clone());
        Ok(session)
    }

    /// Where its container is in its life; nothing if it is gone.
    pub async fn state(&self) -> Result<Option<ContainerState>> {
        self.engine.container_state(&self.info.container_id).await
    }

    /// What the container itself wrote: all there is without systemd, and what went wrong before PID 1.
    pub fn container_log(&self, follow: bool) -> impl Stream<Item = Result<LogLine>> + Send + '_ {
        self.engine.container_logs(&self.info.container_id, follow)
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

    /// Removes it with its disk.
    pub async fn close(mut self) -> Result<()> {
        self.kept = true;
        if let Some(session) = self.session.lock().await.take() {
            session.close().await;
        }
        self.engine.remove_container(&self.info.container_id).await
    }
}

impl Drop for Vps {
    fn drop(&mut self) {
        if !self.kept {
            tracing::warn!("{} was dropped without close(): it stays until the end of its lease", self.info.subject());
        }
    }
}
