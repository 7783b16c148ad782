//! Users: who they are, and how they log in.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::attempts::Attempts;
use super::passwords::{self, Passwords};
use super::second_factor::{self, Enrolment};
use super::{Level, OPERATOR, Tokens};
use crate::error::{Failure, Kind, Result};
use crate::random;
use crate::seal::Seal;
use crate::store::{Session, Store, User};

/// How long a login lasts.
const LOGIN_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// How long names may be.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=64;

/// What somebody logs in with.
pub struct Credentials {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: String,
    /// A one-time code or a backup code, if the user needs one.
    pub code: Option<String>,
}

/// The users of this machine.
pub struct Users {
    store: Arc<Store>,
    tokens: Arc<Tokens>,
    passwords: Passwords,
    attempts: Attempts,
}

impl Users {
    /// The users in a store.
    #[must_use]
    pub fn new(store: Arc<Store>, tokens: Arc<Tokens>) -> Self {
        Self { store, tokens, passwords: Passwords::default(), attempts: Attempts::default() }
    }

    /// Adds a user.
    pub async fn add(&self, name: &str, password: &str, level: Level) -> Result<()> {
        check_name(name)?;
        passwords::check(name, password)?;
        let taken = || Failure::new(Kind::Conflict, format!("add the user {name}")).saw("there is one of that name");
        // so that nobody waits for a hash that is of no use
        if self.store.user(name)?.is_some() {
            return Err(taken());
        }
        let password = self.passwords.hash(password.to_owned()).await?;
        let (name, created_at) = (name.to_owned(), Timestamp::now());
        let added = self.store.add_user(&User { name, password, level, second_factor: None, created_at })?;
        if added { Ok(()) } else { Err(taken()) }
    }

    /// Removes a user; their tokens end at once.
    pub fn remove(&self, name: &str) -> Result<()> {
        if self.store.remove_user(name)? { Ok(()) } else { Err(missing(name)) }
    }

    /// Removes all users; their tokens end at once, those that were made on the machine stay. Answers how many there
    /// were.
    pub fn remove_all(&self) -> Result<usize> {
        self.store.remove_users(OPERATOR)
    }

    /// Every user, by name.
    pub fn list(&self) -> Result<Vec<User>> {
        self.store.users()
    }

    /// Opens a session and answers its token. Wrong names and wrong passwords are not told apart, neither by what is
    /// said nor by how long it takes.
    pub async fn log_in(&self, credentials: Credentials, from: IpAddr) -> Result<String> {
        let Credentials { username, password, code } = credentials;
        let attempt = self.attempts.begin(&username, from, Instant::now())?;
        let known = self.store.user(&username)?.map(|user| user.password);
        if !self.passwords.matches(password, known.clone()).await? {
            return Err(refused("the user name or the password is wrong"));
        }
        let id = random::word()?;
        let admitted = self.store.log_in(&username, &id, |user| {
            // another user of that name may have come in the meantime
            if known.as_ref() != Some(&user.password) {
                return Err(refused("the user was changed"));
            }
            check_code(self.store.seal(), user, code.as_deref())?;
            let expires_at = Timestamp::now().saturating_add(LOGIN_LIFETIME).unwrap_or(Timestamp::MAX);
            Ok(Session { user: user.name.clone(), level: user.level, expires_at })
        });
        if !matches!(&admitted, Err(failure) if failure.kind() == Kind::Unauthorized) {
            attempt.succeeded();
        }
        let session = admitted?.ok_or_else(|| refused("the user was removed"))?;
        self.tokens.sign(&id, &session)
    }

    /// Makes logins of a user need a code from now on.
    pub fn enable_codes(&self, name: &str) -> Result<Enrolment> {
        let (factor, enrolment) = second_factor::enrol(self.store.seal(), name)?;
        let changed = self.store.change_user(name, |user| {
            if user.second_factor.is_some() {
                let failure = Failure::new(Kind::Conflict, "enable one-time codes").saw("they are enabled already");
                return Err(failure.hint("POST /user/totp/disable first, for a new secret"));
            }
            user.second_factor = Some(factor);
            Ok(enrolment)
        });
        changed?.ok_or_else(|| missing(name))
    }

    /// Makes logins of a user need no code any more.
    pub fn disable_codes(&self, name: &str) -> Result<()> {
        let changed = self.store.change_user(name, |user| {
            let disabled = user.second_factor.take().map(|_| ());
            disabled.ok_or_else(|| Failure::new(Kind::Conflict, "disable one-time codes").saw("they are not enabled"))
        });
        changed?.ok_or_else(|| missing(name))
    }
}

fn check_code(seal: &Seal, user: &mut User, code: Option<&str>) -> Result<()> {
    let Some(factor) = &mut user.second_factor else { return Ok(()) };
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
        let failure = Failure::new(Kind::CodeMissing, "log in").saw("this user needs a one-time code as well");
        return Err(failure.hint("send it as totp; a backup code does, too"));
    };
    if second_factor::accept(seal, &user.name, factor, code, Timestamp::now())? {
        return Ok(());
    }
    Err(refused("the one-time code is wrong, or was used before"))
}

fn check_name(name: &str) -> Result<()> {
    let refused = |saw: String| Err(Failure::new(Kind::Invalid, "the user name").saw(saw));
    if !LENGTHS.contains(&name.len()) {
        let (length, least, most) = (name.len(), LENGTHS.start(), LENGTHS.end());
        return refused(format!("it has {length} characters; {least} to {most} are allowed"));
    }
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
        let rule = "a name holds letters, digits, dots, - and _, and begins with a letter or a digit";
        return refused(format!("it is {name:?}; {rule}"));
    }
    if name.eq_ignore_ascii_case(OPERATOR) {
        return refused("tokens made on the machine have this name".into());
    }
    Ok(())
}

fn refused(saw: &str) -> Failure {
    Failure::new(Kind::Unauthorized, "log in").saw(saw)
}

fn missing(name: &str) -> Failure {
    let failure = Failure::new(Kind::Missing, format!("find the user {name}")).saw("there is no such user");
    failure.hint("GET /user/list tells who there is")
}

#[cfg(test)]
mod tests;
