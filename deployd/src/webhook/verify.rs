//! Whether whoever sent a webhook knows the secret; no comparison here tells by its time how much was right.

use axum::http::HeaderMap;
use data_encoding::HEXLOWER_PERMISSIVE;
use ring::hmac::{self, Algorithm, Key};

use super::headers;
use crate::error::{Failure, Kind, Result};

/// Why a webhook is not believed.
pub(super) fn refused(saw: impl std::fmt::Display) -> Failure {
    let failure = Failure::new(Kind::Unauthorized, "the webhook has no valid signature").saw(saw);
    failure.hint("its sender needs the secret that `docker exec deployd deployd info` prints")
}

/// Verifies a header that reads `PREFIX` and the hexadecimal HMAC of the body.
pub(super) fn signed(
    headers: &HeaderMap,
    header: &str,
    (algorithm, prefix): (Algorithm, &str),
    body: &[u8],
    secret: &str,
) -> Result<()> {
    let Some(given) = headers::text(headers, header) else {
        return Err(refused(format!("it has not exactly one header {header}")));
    };
    let hex = given.strip_prefix(prefix);
    let hex = hex.ok_or_else(|| refused(format!("{header} does not begin with {prefix}")))?;
    let wrong = || refused(format!("{header} does not fit the body and the secret"));
    let signature = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| wrong())?;
    hmac::verify(&Key::new(algorithm, secret.as_bytes()), body, &signature).map_err(|_| wrong())
}

/// Whether a secret that was sent as it is is the right one. Both are hashed with the same key first, so that neither
/// where they differ nor how long they are takes another time.
pub(super) fn same(given: &str, secret: &str) -> bool {
    let key = Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, secret.as_bytes());
    hmac::verify(&key, given.as_bytes(), tag.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_is_the_same() {
        assert!(same("s3cret", "s3cret"));
        for given in ["", "s3cre", "s3cret ", "S3cret"] {
            assert!(!same(given, "s3cret"), "{given:?}");
        }
    }
}
