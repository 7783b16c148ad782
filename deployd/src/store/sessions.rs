//! Sessions: what makes a token end before it expires.

use jiff::Timestamp;
use redb::WriteTransaction;
use tokio::sync::watch;

use super::open::{SESSIONS, get, put, remove, retain};
use super::{Session, Store};
use crate::error::Result;

/// Keeps a session as part of a change, and forgets those that have expired.
pub(super) fn add(tx: &WriteTransaction, id: &str, session: &Session) -> Result<()> {
    let now = Timestamp::now();
    retain(tx, SESSIONS, |session: &Session| session.expires_at > now)?;
    put(tx, SESSIONS, id, session)
}

impl Store {
    /// Keeps a session and forgets those that have expired.
    pub fn add_session(&self, id: &str, session: &Session) -> Result<()> {
        self.write(|tx| add(tx, id, session))
    }

    /// Keeps a session that somebody made who has one already; says no if theirs has ended in the meantime.
    pub fn add_session_beside(&self, first: &str, id: &str, session: &Session) -> Result<bool> {
        self.write(|tx| {
            let there = get::<Session>(tx, SESSIONS, first)?.is_some();
            if there {
                add(tx, id, session)?;
            }
            Ok(there)
        })
    }

    /// A session by its id.
    pub fn session(&self, id: &str) -> Result<Option<Session>> {
        self.read(SESSIONS, id)
    }

    /// Ends a session; says whether there was one.
    pub fn end_session(&self, id: &str) -> Result<bool> {
        let ended = self.write(|tx| remove(tx, SESSIONS, id))?;
        self.sessions_ended.send_replace(());
        Ok(ended)
    }

    /// Is told of each change that ends sessions, from now on.
    #[must_use]
    pub fn sessions_ended(&self) -> watch::Receiver<()> {
        self.sessions_ended.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::Level;
    use crate::settings::DataDir;

    fn session(lifetime: Duration) -> Session {
        Session { user: "ann".into(), level: Level::User, expires_at: Timestamp::now() + lifetime }
    }

    #[test]
    fn expired_sessions_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&DataDir::new(dir.path())).unwrap();
        store.add_session("old", &session(Duration::ZERO)).unwrap();
        assert!(store.session("old").unwrap().is_some());
        store.add_session("new", &session(Duration::from_mins(1))).unwrap();
        assert!(store.session("old").unwrap().is_none() && store.session("new").unwrap().is_some());
    }

    #[test]
    fn a_session_that_has_ended_begets_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&DataDir::new(dir.path())).unwrap();
        let session = session(Duration::from_mins(1));
        store.add_session("first", &session).unwrap();
        assert!(store.add_session_beside("first", "second", &session).unwrap());
        store.end_session("first").unwrap();
        assert!(!store.add_session_beside("first", "third", &session).unwrap());
        assert!(store.session("second").unwrap().is_some() && store.session("third").unwrap().is_none());
    }
}
