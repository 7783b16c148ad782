//! Sessions: what makes a token end before it expires.

use jiff::Timestamp;

use super::open::{SESSIONS, put, remove};
use super::{Session, Store};
use crate::error::Result;

impl Store {
    /// Keeps a session and forgets those that have expired.
    pub fn add_session(&self, id: &str, session: &Session) -> Result<()> {
        let now = Timestamp::now();
        let expired: Vec<String> = self
            .all::<Session>(SESSIONS)?
            .into_iter()
            .filter(|(_, session)| session.expires_at <= now)
            .map(|(id, _)| id)
            .collect();
        self.write(|tx| {
            for id in &expired {
                remove(tx, SESSIONS, id)?;
            }
            put(tx, SESSIONS, id, session)
        })
    }

    /// A session by its id.
    pub fn session(&self, id: &str) -> Result<Option<Session>> {
        self.read(SESSIONS, id)
    }

    /// Ends a session; says whether there was one.
    pub fn end_session(&self, id: &str) -> Result<bool> {
        self.write(|tx| remove(tx, SESSIONS, id))
    }
}
