//! An authenticated connection: cheap to clone, and many commands, copies and forwards at once may use it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use russh::client;
use russh::{Channel, ChannelMsg, Disconnect};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::channel::Opened;
use super::target::Target;
use super::verify::{Peer, Verifier};
use crate::error::{Failure, chain};

/// How long a further connection may take to a server that has just answered on another.
const OVERFLOW: Duration = Duration::from_secs(30);

/// How long a connection may take to close after the goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// An authenticated connection. Clones share it; it closes when the last one is dropped.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    target: Target,
    handle: client::Handle<Verifier>,
    peer: Arc<Peer>,
    overflow: Mutex<Option<Session>>,
}

impl Session {
    pub(super) fn new(target: Target, handle: client::Handle<Verifier>, peer: Arc<Peer>) -> Self {
        Self(Arc::new(Inner { target, handle, peer, overflow: Mutex::new(None) }))
    }

    /// Whether the connection still stands, as far as this side knows: a server that vanished without a word is noticed
    /// after four keepalive intervals.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.0.handle.is_closed()
    }

    /// Waits until the connection has ended, whoever ended it; answers why.
    pub async fn ended(&self) -> String {
        self.0.peer.ended().await;
        self.gone().unwrap_or_else(|| "connection lost".to_owned())
    }

    /// The target this session was connected to.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// Says goodbye and closes the connection; commands that still run end with an error.
    pub async fn close(&self) {
        if let Some(more) = self.0.overflow.lock().await.take() {
            Box::pin(more.close()).await;
        }
        // A connection that is already gone is as closed as it gets, and a server that does not answer is not waited for.
        let _ = self.0.handle.disconnect(Disconnect::ByApplication, "closed", "").await;
        let _ = timeout(GOODBYE, self.0.peer.ended()).await;
    }

    /// A channel for a command or a subsystem, on a further connection when the server allows no more on this one:
    /// OpenSSH takes ten at a time (`MaxSessions`).
    ///
    /// It comes with the session that it belongs to, which alone can tell why it ended.
    pub(super) async fn open(&self) -> Result<(Session, Channel<client::Msg>), String> {
        match self.0.handle.channel_open_session().await {
            Ok(channel) => Ok((self.clone(), channel)),
            // A server that refuses the first one already would refuse it on any connection.
            Err(russh::Error::ChannelOpenFailure(_)) if self.0.peer.took_channel() => {
                let more = Box::pin(self.overflow()).await?;
                Box::pin(more.open()).await
            }
            Err(e) => Err(self.broken(&e)),
        }
    }

    async fn overflow(&self) -> Result<Session, String> {
        let mut overflow = self.0.overflow.lock().await;
        if let Some(more) = overflow.as_ref().filter(|more| more.is_alive()) {
            return Ok(more.clone());
        }
        let more =
            Session::connect(&self.0.target, OVERFLOW).await.map_err(|e| format!("a further connection: {e}"))?;
        Ok(overflow.insert(more).clone())
    }

    /// A channel to a port as the server reaches it.
    pub(super) async fn open_tcp(&self, host: &str, port: u16, from: std::net::SocketAddr) -> Result<Opened, String> {
        let (address, origin) = (from.ip().to_string(), u32::from(from.port()));
        let opened = self.0.handle.channel_open_direct_tcpip(host, u32::from(port), address, origin).await;
        opened.map(Opened::stream).map_err(|e| match e {
            russh::Error::ChannelOpenFailure(reason) => format!("the server answered: {}", reason.description()),
            e => self.broken(&e),
        })
    }

    pub(super) fn failure(&self, action: impl Into<String>) -> Failure {
        Failure::new(self.0.target.subject.clone(), action)
    }

    /// Why the connection ended, if it has.
    pub(super) fn gone(&self) -> Option<String> {
        self.0.peer.farewell().map(|why| format!("connection lost: {why}"))
    }

    /// Why a request could not be made: the connection's own reason, where it has ended.
    pub(super) fn broken(&self, error: &russh::Error) -> String {
        self.gone().unwrap_or_else(|| chain(error))
    }

    /// Why a channel ended before its command did.
    pub(super) fn ended_early(&self, last: Option<&ChannelMsg>) -> String {
        match last {
            None => self.gone().unwrap_or_else(|| "connection lost".to_owned()),
            Some(_) => "the server closed the channel without telling how the command ended".to_owned(),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target { subject, user, host, port, .. } = &self.0.target;
        write!(f, "Session({subject}: {user}@{host}:{port})")
    }
}
