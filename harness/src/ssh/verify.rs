//! The client's side of the handshake: which host key is accepted, and what the server said about itself.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use russh::ChannelId;
use russh::client::{self, DisconnectReason};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use tokio::sync::watch;

use super::target::{HostKey, Learned};
use crate::error::chain;

/// Why a connection ended, in the words of this layer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The server showed another host key than the expected one.
    #[error("expected the host key {expected}, saw {seen}")]
    HostKey { expected: String, seen: String },
    /// Anything else.
    #[error(transparent)]
    Ssh(#[from] russh::Error),
}

/// What a server said that the protocol's answers do not carry.
#[derive(Debug, Default)]
pub(super) struct Peer(Mutex<Said>, watch::Sender<bool>);

#[derive(Debug, Default)]
struct Said {
    host_key: Option<String>,
    notice: Option<String>,
    farewell: Option<String>,
    took_channel: bool,
}

impl Peer {
    fn with<T>(&self, f: impl FnOnce(&mut Said) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The host key it showed.
    pub fn host_key(&self) -> Option<String> {
        self.with(|said| said.host_key.clone())
    }

    /// What it wanted a person to read before the login: "System is booting up", for one.
    pub fn notice(&self) -> Option<String> {
        self.with(|said| said.notice.clone())
    }

    /// Whether it has ever accepted a channel.
    pub fn took_channel(&self) -> bool {
        self.with(|said| said.took_channel)
    }

    /// Waits until the connection has ended.
    pub async fn ended(&self) {
        // The other end lives in this very struct.
        let _ = self.1.subscribe().wait_for(|ended| *ended).await;
    }

    /// Why the connection ended, if it has.
    pub fn farewell(&self) -> Option<String> {
        self.with(|said| said.farewell.clone())
    }
}

/// Accepts one host key, the pinned or the learned, and takes down what the server says.
pub(super) struct Verifier {
    expected: Option<PublicKey>,
    learned: Option<Learned>,
    peer: Arc<Peer>,
}

impl Verifier {
    /// Fails with words when the pinned line is no public key.
    pub fn new(host_key: &HostKey, peer: Arc<Peer>) -> Result<Self, String> {
        let (line, learned) = match host_key {
            HostKey::Pinned(line) => (Some(line.clone()), None),
            HostKey::Learn(cell) => (cell.get(), Some(cell.clone())),
        };
        let parse = |line: String| {
            PublicKey::from_openssh(line.trim()).map_err(|e| format!("the pinned host key {line:?} is no key: {e}"))
        };
        Ok(Self { expected: line.map(parse).transpose()?, learned, peer })
    }

    /// The key that the server must show, once it is known.
    pub fn expected(&self) -> Option<&PublicKey> {
        self.expected.as_ref()
    }
}

impl client::Handler for Verifier {
    type Error = Broken;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Broken> {
        let shown = shown.public_key();
        let line = shown.to_openssh().map_err(russh::Error::from)?;
        self.peer.with(|said| said.host_key = Some(line.clone()));
        if let (None, Some(cell)) = (&self.expected, &self.learned) {
            // Another connection may have learned a key since this one began; then that key counts.
            self.expected = PublicKey::from_openssh(&cell.keep(&line)).ok();
        }
        match &self.expected {
            Some(expected) if expected.key_data() == shown.key_data() => Ok(true),
            Some(expected) => Err(Broken::HostKey { expected: fingerprint(expected), seen: fingerprint(&shown) }),
            None => Ok(false),
        }
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut client::Session) -> Result<(), Broken> {
        self.peer.with(|said| said.notice = Some(banner.trim().to_owned()));
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        _: ChannelId,
        _: u32,
        _: u32,
        _: &mut client::Session,
    ) -> Result<(), Broken> {
        self.peer.with(|said| said.took_channel = true);
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Broken>) -> Result<(), Broken> {
        let words = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => format!("the server disconnected: {}", info.message),
            DisconnectReason::Error(Broken::Ssh(e)) => match e {
                russh::Error::HUP | russh::Error::Disconnect => "the server closed the connection".to_owned(),
                russh::Error::IO(e) if e.kind() == ErrorKind::UnexpectedEof => {
                    "the server closed the connection".to_owned()
                }
                russh::Error::KeepaliveTimeout => "the server stopped answering".to_owned(),
                e => chain(e),
            },
            DisconnectReason::Error(e) => chain(e),
        };
        self.peer.with(|said| said.farewell = Some(words));
        self.peer.1.send_replace(true);
        Ok(())
    }
}

fn fingerprint(key: &PublicKey) -> String {
    format!("{} ({})", key.fingerprint(HashAlg::Sha256), key.algorithm())
}
