//! Tokens: signed with a random key of this machine, valid as long as their session is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Level;
use crate::error::{Failure, Kind, Result};
use crate::settings::DataDir;
use crate::store::{Session, Store};
use crate::{key, random};

/// How long a token for machines lives.
pub const ADMIN_TOKEN_LIFETIME: Duration = Duration::from_hours(365 * 24);

/// Whose the tokens are that are made on the machine itself; no user can have this name.
pub const OPERATOR: &str = "operator";

/// What a token says. The session in the store has the last word about all of it.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sid: String,
    sub: String,
    level: Level,
    iat: i64,
    exp: i64,
}

/// Issues and verifies tokens.
pub struct Tokens {
    store: Arc<Store>,
    sign: EncodingKey,
    verify: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// Reads the signing key; makes it at the first start.
    pub fn open(data: &DataDir, store: Arc<Store>) -> Result<Self> {
        let key = key::read_or_make(&data.signing_key(), "every token ends")?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        Ok(Self { store, sign: EncodingKey::from_secret(&key), verify: DecodingKey::from_secret(&key), validation })
    }

    /// Opens a session and answers its token.
    pub fn issue(&self, user: &str, level: Level, lifetime: Duration) -> Result<String> {
        let (id, session) = (random::word()?, open(user, level, lifetime));
        self.store.add_session(&id, &session)?;
        self.sign(&id, &session)
    }

    /// Opens a session for whoever has the session `first`, unless that has ended, and answers its token.
    pub fn issue_beside(&self, first: &str, user: &str, level: Level, lifetime: Duration) -> Result<String> {
        let (id, session) = (random::word()?, open(user, level, lifetime));
        if !self.store.add_session_beside(first, &id, &session)? {
            return Err(Failure::new(Kind::Unauthorized, "the token is not valid").saw("its session has ended"));
        }
        self.sign(&id, &session)
    }

    /// The token of a session that is in the store.
    pub(super) fn sign(&self, id: &str, session: &Session) -> Result<String> {
        let claims = Claims {
            sid: id.to_owned(),
            sub: session.user.clone(),
            level: session.level,
            iat: Timestamp::now().as_second(),
            exp: session.expires_at.as_second(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .map_err(|error| Failure::new(Kind::Internal, "sign a token").saw(error))
    }

    /// The session of a token.
    pub fn verify(&self, token: &str) -> Result<Session> {
        self.find(token).map(|(_, session)| session)
    }

    /// The session of a token, with its id.
    pub fn find(&self, token: &str) -> Result<(String, Session)> {
        let refused = |saw: String| Failure::new(Kind::Unauthorized, "the token is not valid").saw(saw);
        let claims = decode::<Claims>(token, &self.verify, &self.validation)
            .map_err(|error| refused(error.to_string()).hint("on the machine: docker exec deployd deployd token"))?
            .claims;
        let session = self.store.session(&claims.sid)?;
        let session = session.ok_or_else(|| refused("its session has ended".into()))?;
        if session.expires_at <= Timestamp::now() {
            return Err(refused("it has expired".into()));
        }
        Ok((claims.sid, session))
    }

    /// Ends when a session does: somebody logged out, the user is gone, or it has expired.
    pub async fn ended(self: Arc<Self>, id: String) {
        let mut changes = self.store.sessions_ended();
        // what cannot be looked up counts as ended
        while let Ok(Some(session)) = self.store.session(&id) {
            let left = session.expires_at.duration_since(Timestamp::now());
            let Ok(left) = Duration::try_from(left) else { return };
            // who waits by another clock than the session's looks again when the time is over
            if left.is_zero() || matches!(timeout(left, changes.changed()).await, Ok(Err(_))) {
                return;
            }
        }
    }

    /// Ends the session of a token at once.
    pub fn end(&self, token: &str) -> Result<bool> {
        match decode::<Claims>(token, &self.verify, &self.validation) {
            Ok(decoded) => self.store.end_session(&decoded.claims.sid),
            Err(_) => Ok(false),
        }
    }
}

fn open(user: &str, level: Level, lifetime: Duration) -> Session {
    let expires_at = Timestamp::now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
    Session { user: user.to_owned(), level, expires_at }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn tokens(dir: &tempfile::TempDir) -> Tokens {
        let data = DataDir::new(dir.path());
        Tokens::open(&data, Arc::new(Store::open(&data).unwrap())).unwrap()
    }

    #[test]
    fn a_token_survives_a_restart_and_ends_with_its_session() {
        let dir = tempfile::tempdir().unwrap();
        let first = tokens(&dir);
        let token = first.issue("ann", Level::User, Duration::from_mins(1)).unwrap();
        drop(first);
        let second = tokens(&dir);
        assert_eq!(second.verify(&token).unwrap().level, Level::User);
        assert!(second.end(&token).unwrap());
        assert!(second.verify(&token).unwrap_err().to_string().contains("session has ended"));
    }

    #[test]
    fn a_token_of_another_machine_is_refused() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let token = tokens(&there).issue("ann", Level::Admin, Duration::from_mins(1)).unwrap();
        assert_eq!(tokens(&here).verify(&token).unwrap_err().kind(), Kind::Unauthorized);
    }

    #[test]
    fn a_token_signed_with_a_constant_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = tokens(&dir);
        let real = tokens.issue("ann", Level::Admin, Duration::from_mins(1)).unwrap();
        let claims = decode::<Claims>(&real, &tokens.verify, &tokens.validation).unwrap().claims;
        for key in [&b""[..], b"secret", b"deployd", &[0; 32], &[0xff; 32]] {
            let forged = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(key)).unwrap();
            assert_eq!(tokens.verify(&forged).unwrap_err().kind(), Kind::Unauthorized, "{key:?}");
        }
    }

    #[test]
    fn a_token_expires() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = tokens(&dir);
        let token = tokens.issue("ann", Level::Admin, Duration::ZERO).unwrap();
        assert!(tokens.verify(&token).is_err());
    }

    #[tokio::test]
    async fn whoever_waits_for_the_end_of_a_session_waits_for_no_other_and_also_sees_it_expire() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Arc::new(tokens(&dir));
        let issue = |user| tokens.issue(user, Level::User, Duration::from_mins(1)).unwrap();
        let (ann, bob) = (issue("ann"), issue("bob"));
        let mut ended = Box::pin(tokens.clone().ended(tokens.find(&ann).unwrap().0));
        assert!((&mut ended).now_or_never().is_none());
        tokens.end(&bob).unwrap();
        assert!((&mut ended).now_or_never().is_none());
        tokens.end(&ann).unwrap();
        timeout(Duration::from_secs(20), ended).await.unwrap();
        tokens.store.add_session("short", &open("ann", Level::User, Duration::from_millis(50))).unwrap();
        tokens.clone().ended("short".into()).await;
    }

    #[test]
    fn another_algorithm_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = tokens(&dir);
        let claims = Claims { sid: "x".into(), sub: "x".into(), level: Level::Admin, iat: 0, exp: i64::MAX / 2 };
        let signed = encode(&Header::new(Algorithm::HS512), &claims, &tokens.sign).unwrap();
        assert!(tokens.verify(&signed).is_err());
        let body = signed.split('.').nth(1).unwrap();
        let none = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
        assert!(tokens.verify(&format!("{none}.{body}.")).is_err());
    }
}
