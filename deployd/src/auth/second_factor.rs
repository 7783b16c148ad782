//! The second factor of a login: codes of a device, each accepted once, and backup codes that work once.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Totp};

use crate::error::{Failure, Kind, Result};
use crate::random;
use crate::seal::{Seal, Secret};
use crate::store::SecondFactor;

/// How many backup codes there are.
const BACKUP_CODES: usize = 8;

/// What a user takes down when the second factor is turned on; nobody can read it again.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The secret for the user's device.
    pub secret: String,
    /// Codes for when the device is gone.
    pub backup_codes: Vec<String>,
}

/// Makes a second factor of a user.
pub(super) fn enrol(seal: &Seal, user: &str) -> Result<(SecondFactor, Enrolment)> {
    let secret = BASE32_NOPAD.encode(&random::bytes::<20>()?);
    let backup_codes = (0..BACKUP_CODES).map(|_| backup_code()).collect::<Result<Vec<_>>>()?;
    let hashes = backup_codes.iter().map(|code| hash(code)).collect();
    let sealed = seal.seal(Secret::CodesOf(user), &secret)?;
    let kept = SecondFactor { secret: sealed, last_step: 0, backup_codes: hashes };
    Ok((kept, Enrolment { secret, backup_codes }))
}

/// 80 random bits in groups of four letters, as people write them down.
fn backup_code() -> Result<String> {
    let letters = BASE32_NOPAD.encode(&random::bytes::<10>()?).to_lowercase();
    let groups: Vec<&str> = (0..letters.len()).step_by(4).map(|at| &letters[at..at + 4]).collect();
    Ok(groups.join("-"))
}

/// Nobody can try out 80 random bits: a quick hash without a salt is enough.
fn hash(code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    HEXLOWER.encode(&Sha256::digest(letters.to_lowercase().as_bytes()))
}

/// Whether a code of a user is one that is valid now and was not used before; from then on it was.
pub(super) fn accept(seal: &Seal, user: &str, factor: &mut SecondFactor, code: &str, now: Timestamp) -> Result<bool> {
    // first, because they also work where the key that the secret is sealed with was lost
    let hash = hash(code);
    let left = factor.backup_codes.len();
    factor.backup_codes.retain(|kept| *kept != hash);
    if factor.backup_codes.len() < left {
        return Ok(true);
    }
    let secret = seal.open_as(Secret::CodesOf(user), &factor.secret)?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let Some(step) = device(&secret)?.check(code.trim(), seconds) else { return Ok(false) };
    let fresh = step > factor.last_step;
    factor.last_step = step.max(factor.last_step);
    Ok(fresh)
}

/// What every app for one-time codes does: SHA-1, six digits, 30 seconds, and a clock that may be one step off.
fn device(secret: &str) -> Result<Totp> {
    let failed = |saw: String| Failure::new(Kind::Internal, "read the secret of one-time codes").saw(saw);
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).map_err(|error| failed(error.to_string()))?;
    Builder::new().with_secret(secret).with_skew(1).build().map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DataDir;

    fn seal() -> Seal {
        Seal::open(&DataDir::new(tempfile::tempdir().unwrap().path())).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_the_standard() {
        // RFC 6238, appendix B: the last six digits for SHA-1
        let (seal, secret) = (seal(), BASE32_NOPAD.encode(b"12345678901234567890"));
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            let sealed = seal.seal(Secret::CodesOf("ann"), &secret).unwrap();
            let mut factor = SecondFactor { secret: sealed, last_step: 0, backup_codes: Vec::new() };
            assert!(accept(&seal, "ann", &mut factor, code, at(second)).unwrap(), "{code}");
            assert!(!accept(&seal, "ann", &mut factor, code, at(second)).unwrap(), "{code} again");
        }
    }

    #[test]
    fn a_code_is_accepted_once_and_none_before_it() {
        let seal = seal();
        let (mut factor, enrolment) = enrol(&seal, "ann").unwrap();
        let code = |step: u64| device(&enrolment.secret).unwrap().generate(step * 30).to_string();
        let (far, before, now, after) = (code(998), code(999), code(1000), code(1001));
        let time = at(1000 * 30 + 15);
        let mut accepted = |code: &str| accept(&seal, "ann", &mut factor, code, time).unwrap();
        assert!(!accepted(&far));
        assert!(accepted(&now));
        assert!(!accepted(&now));
        assert!(!accepted(&before));
        assert!(accepted(&after));
        assert!(!accepted("") && !accepted("000 000"));
    }

    #[test]
    fn each_backup_code_works_once_however_it_is_written() {
        let seal = seal();
        let (mut factor, enrolment) = enrol(&seal, "ann").unwrap();
        assert_eq!(enrolment.backup_codes.len(), BACKUP_CODES);
        for code in &enrolment.backup_codes {
            assert!(!factor.backup_codes.contains(code));
            let typed = format!(" {} ", code.replace('-', " ").to_uppercase());
            assert!(accept(&seal, "ann", &mut factor, &typed, at(0)).unwrap());
            assert!(!accept(&seal, "ann", &mut factor, code, at(0)).unwrap());
        }
        assert!(factor.backup_codes.is_empty());
    }

    #[test]
    fn a_backup_code_works_also_where_the_key_of_the_machine_was_lost() {
        let (mut factor, enrolment) = enrol(&seal(), "ann").unwrap();
        let failure = accept(&seal(), "ann", &mut factor, "123456", at(0)).unwrap_err().to_string();
        assert!(failure.contains("log in with a backup code"), "{failure}");
        assert!(accept(&seal(), "ann", &mut factor, &enrolment.backup_codes[0], at(0)).unwrap());
    }
}
