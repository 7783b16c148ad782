//! Where to connect, as whom, and which host key to expect there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::key::KeyPair;

/// A server that stays silent is asked this often whether it is there; after three questions without an answer it is not.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Which host key a server must show.
#[derive(Debug, Clone)]
pub enum HostKey {
    /// This one: a public key line as OpenSSH writes it, comment or not.
    Pinned(String),
    /// The first one seen, kept in the cell; every later connection with the same cell must see it again.
    Learn(Learned),
}

/// A host key learned at the first connection; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Learned(Arc<Mutex<Option<String>>>);

impl Learned {
    /// The public key line, once a connection has seen it.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the first line it is given and answers with the one it keeps.
    pub(super) fn keep(&self, line: &str) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| line.to_owned()).clone()
    }
}

/// Where to connect, as whom, and which host key to expect there.
#[derive(Debug, Clone)]
pub struct Target {
    pub(super) subject: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) key: KeyPair,
    pub(super) host_key: HostKey,
    pub(super) keepalive: Duration,
}

impl Target {
    /// `root` at this address; errors call it `host:port` until it gets a name.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, key: KeyPair, host_key: HostKey) -> Self {
        let host = host.into();
        Self {
            subject: format!("{host}:{port}"),
            host,
            port,
            user: "root".to_owned(),
            key,
            host_key,
            keepalive: KEEPALIVE,
        }
    }

    /// What errors call it: `debian 12 (a)`.
    #[must_use]
    pub fn named(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Logs in as this user instead of `root`.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// How often a silent server is asked whether it is there; after three questions without an answer the connection
    /// counts as lost, and every command on it ends with an error.
    #[must_use]
    pub fn keepalive(mut self, interval: Duration) -> Self {
        self.keepalive = interval;
        self
    }
}
