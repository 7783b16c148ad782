//! Users; whoever goes takes their sessions along in the same change.

use super::open::{SESSIONS, USERS, get, put, remove, retain};
use super::{Session, Store, User, sessions};
use crate::error::Result;

impl Store {
    /// A user by name.
    pub fn user(&self, name: &str) -> Result<Option<User>> {
        self.read(USERS, name)
    }

    /// Every user, by name.
    pub fn users(&self) -> Result<Vec<User>> {
        Ok(self.all(USERS)?.into_iter().map(|(_, user)| user).collect())
    }

    /// Keeps a new user; says no if the name is taken.
    pub fn add_user(&self, user: &User) -> Result<bool> {
        self.write(|tx| {
            let free = get::<User>(tx, USERS, &user.name)?.is_none();
            if free {
                put(tx, USERS, &user.name, user)?;
            }
            Ok(free)
        })
    }

    /// Changes a user, or nothing if `change` fails; answers nothing if there is no such user.
    pub fn change_user<T>(&self, name: &str, change: impl FnOnce(&mut User) -> Result<T>) -> Result<Option<T>> {
        self.write(|tx| {
            let Some(mut user) = get::<User>(tx, USERS, name)? else { return Ok(None) };
            let value = change(&mut user)?;
            put(tx, USERS, name, &user)?;
            Ok(Some(value))
        })
    }

    /// Keeps the session that `admit` opens for a user, and what it changes of them, at once: a one-time code cannot be
    /// used by two logins side by side, and nobody logs in who was removed a moment ago.
    pub fn log_in(
        &self,
        name: &str,
        id: &str,
        admit: impl FnOnce(&mut User) -> Result<Session>,
    ) -> Result<Option<Session>> {
        self.write(|tx| {
            let Some(mut user) = get::<User>(tx, USERS, name)? else { return Ok(None) };
            let session = admit(&mut user)?;
            put(tx, USERS, name, &user)?;
            sessions::add(tx, id, &session)?;
            Ok(Some(session))
        })
    }

    /// Forgets a user and their sessions; says whether there was one.
    pub fn remove_user(&self, name: &str) -> Result<bool> {
        let removed = self.write(|tx| {
            let removed = remove(tx, USERS, name)?;
            if removed {
                retain(tx, SESSIONS, |session: &Session| session.user != name)?;
            }
            Ok(removed)
        })?;
        self.sessions_ended.send_replace(());
        Ok(removed)
    }

    /// Forgets every user and all sessions but those of `spared`; answers how many users there were.
    pub fn remove_users(&self, spared: &str) -> Result<usize> {
        let removed = self.write(|tx| {
            retain(tx, SESSIONS, |session: &Session| session.user == spared)?;
            retain(tx, USERS, |_: &User| false)
        })?;
        self.sessions_ended.send_replace(());
        Ok(removed)
    }
}
