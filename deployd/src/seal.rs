//! Sealing what must lie nowhere in clear: it opens with the key of this machine, and only as what it was sealed as.

use std::fmt;
use std::path::PathBuf;

use data_encoding::BASE64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::error::{Failure, Kind, Result};
use crate::settings::DataDir;
use crate::{key, random};

/// What a text is sealed as.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Secret<'a> {
    /// The value of a variable of this name.
    Variable(&'a str),
    /// The address that messages go to.
    NotificationAddress,
    /// What the one-time codes of this user are made of.
    CodesOf(&'a str),
}

impl Secret<'_> {
    /// What is bound to the sealed text. Existing databases hold texts sealed as these: they never change, and no two are
    /// alike, because neither the names of variables nor those of users have spaces.
    fn binding(self) -> String {
        match self {
            Self::Variable(name) => format!("deployd environment {name}"),
            Self::NotificationAddress => "deployd environment notification address".to_owned(),
            Self::CodesOf(user) => format!("deployd one-time codes {user}"),
        }
    }

    /// What to do if it cannot be read any more.
    fn anew(self) -> &'static str {
        match self {
            Self::Variable(_) | Self::NotificationAddress => "set it again",
            Self::CodesOf(_) => "log in with a backup code, and disable and enable one-time codes",
        }
    }
}

impl fmt::Display for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::NotificationAddress => f.write_str("slack_notification_url"),
            Self::CodesOf(user) => write!(f, "the secret of {user}'s one-time codes"),
        }
    }
}

/// The cipher of one machine.
#[derive(Debug)]
pub(crate) struct Seal {
    path: PathBuf,
    key: LessSafeKey,
}

impl Seal {
    /// The cipher with the key of a data directory, which is made at the first start.
    pub(crate) fn open(data: &DataDir) -> Result<Self> {
        let path = data.sealing_key();
        let key = key::read_or_make(&path, "encrypted variables and one-time codes have to be set up again")?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key);
        let key = key.map_err(|error| Failure::new(Kind::Internal, format!("use {}", path.display())).saw(error))?;
        Ok(Self { path, key: LessSafeKey::new(key) })
    }

    /// Encrypts a text so that it can only be read as this secret.
    pub(crate) fn seal(&self, secret: Secret<'_>, clear: &str) -> Result<String> {
        let nonce = random::bytes::<NONCE_LEN>()?;
        let mut sealed = clear.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(secret.binding()), &mut sealed)
            .map_err(|error| Failure::new(Kind::Internal, format!("encrypt {secret}")).saw(error))?;
        Ok(BASE64.encode(&[nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts what was sealed as this secret.
    pub(crate) fn open_as(&self, secret: Secret<'_>, sealed: &str) -> Result<String> {
        let failed = || {
            let failure =
                Failure::new(Kind::Internal, format!("decrypt {secret}")).saw("it was sealed with another key");
            failure.hint(format!("{} was replaced: put the old one back, or {}", self.path.display(), secret.anew()))
        };
        let mut sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| failed())?;
        let (nonce, sealed) = sealed.split_first_chunk_mut::<NONCE_LEN>().ok_or_else(failed)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let clear = self.key.open_in_place(nonce, Aad::from(secret.binding()), sealed).map_err(|_| failed())?;
        String::from_utf8(clear.to_vec()).map_err(|_| failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_as_itself_and_as_nothing_else() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let seal = Seal::open(&DataDir::new(here.path())).unwrap();
        let sealed = seal.seal(Secret::CodesOf("ann"), "s3cret").unwrap();
        assert_eq!(seal.open_as(Secret::CodesOf("ann"), &sealed).unwrap(), "s3cret");
        assert_ne!(seal.seal(Secret::CodesOf("ann"), "s3cret").unwrap(), sealed);
        for other in [Secret::CodesOf("bob"), Secret::Variable("ann"), Secret::NotificationAddress] {
            let failure = seal.open_as(other, &sealed).unwrap_err().to_string();
            assert!(failure.contains(&other.to_string()), "{failure}");
        }
        let stranger = Seal::open(&DataDir::new(there.path())).unwrap();
        assert!(stranger.open_as(Secret::CodesOf("ann"), &sealed).is_err());
        for garbage in ["", "no base64", "AAAA"] {
            assert!(seal.open_as(Secret::CodesOf("ann"), garbage).is_err(), "{garbage}");
        }
    }

    /// Made with another implementation of the cipher; the key is 32 times 7.
    const KEPT: [(Secret<'_>, &str); 3] = [
        (Secret::Variable("API_KEY"), "AAECAwQFBgcICQoLWhSdVgnLvXc41L8ZJf/uiN2DFE08"),
        (Secret::NotificationAddress, "AAECAwQFBgcICQoLWhSdVgluQV+AGpPJN4b8YY6rnDnh"),
        (Secret::CodesOf("ann"), "AAECAwQFBgcICQoLWhSdVglIBuJ3/z6m8LUvlK/d7fyT"),
    ];

    #[test]
    fn what_databases_hold_already_still_opens() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        std::fs::write(data.sealing_key(), [7; 32]).unwrap();
        let seal = Seal::open(&data).unwrap();
        for (secret, sealed) in KEPT {
            assert_eq!(seal.open_as(secret, sealed).unwrap(), "value");
        }
    }
}
