//! Passwords: what they must be, and their hashes.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Failure, Kind, Result};
use crate::random;

/// How many hashes are computed at once: each needs `MEMORY`.
const AT_ONCE: usize = 2;
/// How long a hash may wait for its turn.
const TURN: Duration = Duration::from_secs(10);
/// What a hash needs, in KiB. As large as this, the C library gives the memory back to the system when it is freed:
/// blocks under 32 MiB it may keep for the next time.
const MEMORY: u32 = 32 * 1024;
/// How often the memory is gone over.
const PASSES: u32 = 2;
/// The salt of a hash that is thrown away.
const NO_SALT: &[u8] = b"nobody has this salt";
/// How long passwords may be, in characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;

/// Refuses passwords that are guessed first.
pub(super) fn check(name: &str, password: &str) -> Result<()> {
    let refused = |saw: String| Err(Failure::new(Kind::Invalid, "the password").saw(saw));
    let length = password.chars().count();
    if !LENGTHS.contains(&length) {
        return refused(format!("it has {length} characters; {} to {} are allowed", LENGTHS.start(), LENGTHS.end()));
    }
    if password.eq_ignore_ascii_case(name) {
        return refused("it is the user's name".into());
    }
    let first = password.chars().next();
    if password.chars().all(|c| Some(c) == first) {
        return refused("it is one character over and over".into());
    }
    Ok(())
}

/// Makes and compares hashes, a few at once.
pub(super) struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Passwords {
    /// The hash of a password, with its salt and cost.
    pub(super) async fn hash(&self, password: String) -> Result<String> {
        let salt = random::bytes::<16>()?;
        self.in_turn(move || Ok(hasher()?.hash_password_with_salt(password.as_bytes(), &salt)?.to_string())).await
    }

    /// Whether a password is the one of a hash. Without a hash it is not, and finding that out takes as long.
    pub(super) async fn matches(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.in_turn(move || {
            let Some(hash) = hash else {
                hasher()?.hash_password_with_salt(password.as_bytes(), NO_SALT)?;
                return Ok(false);
            };
            match hasher()?.verify_password(password.as_bytes(), &PasswordHash::new(&hash)?) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> Hashed<T> + Send + 'static) -> Result<T> {
        let failed = |saw: &dyn std::fmt::Display| Failure::new(Kind::Internal, "hash a password").saw(saw);
        let turn = tokio::time::timeout(TURN, self.0.clone().acquire_owned()).await.map_err(|_| {
            let failure = Failure::new(Kind::Limited, "check a password").saw("too many others are being checked");
            failure.retry_after(TURN)
        })?;
        let turn = turn.map_err(|error| failed(&error))?;
        // the turn goes along: whoever asked may go away, and the work goes on
        let done = spawn_blocking(move || {
            let _turn = turn;
            work().map_err(|error| error.to_string())
        });
        done.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }
}

type Hashed<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn hasher() -> Hashed<Argon2<'static>> {
    Ok(Params::new(MEMORY, PASSES, 1, None)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_guessed_first_are_refused() {
        for bad in ["", "1234567", "annabell", "AnnaBell", "aaaaaaaaaaaa", &"long".repeat(65)] {
            assert_eq!(check("annabell", bad).unwrap_err().kind(), Kind::Invalid, "{bad}");
        }
        check("annabell", "pässword").unwrap();
        check("annabell", &"long".repeat(64)).unwrap();
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_and_no_other() {
        let passwords = Passwords::default();
        let one = passwords.hash("correct horse".into()).await.unwrap();
        let two = passwords.hash("correct horse".into()).await.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=32768,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert!(passwords.matches("correct horse".into(), Some(one.clone())).await.unwrap());
        assert!(!passwords.matches("correct house".into(), Some(one)).await.unwrap());
        assert!(!passwords.matches("correct horse".into(), None).await.unwrap());
        assert!(passwords.matches("x".into(), Some("no hash".into())).await.is_err());
    }

    #[tokio::test]
    async fn at_most_two_are_computed_at_once() {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

        let (passwords, running, most) =
            (Passwords::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let one = || {
            let (running, most) = (running.clone(), most.clone());
            passwords.in_turn(move || {
                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                hasher()?.hash_password_with_salt(b"password", NO_SALT)?;
                running.fetch_sub(1, SeqCst);
                Ok(())
            })
        };
        futures_util::future::try_join_all((0..6).map(|_| one())).await.unwrap();
        assert!((1..=AT_ONCE).contains(&most.load(SeqCst)), "{most:?}");
    }

    #[tokio::test]
    async fn the_memory_of_a_hash_is_given_back() {
        let resident = || {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
            statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        let passwords = Passwords::default();
        passwords.hash("first".into()).await.unwrap();
        let before = resident();
        for _ in 0..4 {
            passwords.hash("again".into()).await.unwrap();
        }
        let more = resident().saturating_sub(before);
        assert!(more < MEMORY as usize * 1024 / 4, "{more} bytes more");
    }
}
