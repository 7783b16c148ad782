//! The variables that the owner gave the application; those that are encrypted lie nowhere in clear.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::BASE64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::error::{Failure, Kind, Result};
use crate::settings::DataDir;
use crate::store::{Store, Variable};
use crate::{files, random};

/// How long a key of the cipher is.
const KEY: usize = 32;
/// How long name and value may be together: the kernel starts no program with a longer one. The = and the zero byte at the
/// end count, too.
const LENGTH: usize = 128 * 1024 - 2;
/// What makes the variable's name part of what is sealed, so that no value can be put under another name.
const PURPOSE: &str = "deployd environment ";

/// The application's variables.
#[derive(Debug, Clone)]
pub struct Environment {
    data: DataDir,
    store: Arc<Store>,
}

impl Environment {
    /// The variables of one data directory.
    #[must_use]
    pub fn new(data: DataDir, store: Arc<Store>) -> Self {
        Self { data, store }
    }

    /// Every variable with its value in clear, as the application gets it.
    pub fn values(&self) -> Result<BTreeMap<String, String>> {
        let variables = self.store.variables()?;
        variables.into_iter().map(|variable| Ok((variable.name.clone(), self.open(variable)?))).collect()
    }

    /// Every variable as it may be shown: with no value where it is encrypted.
    pub fn shown(&self) -> Result<Vec<Variable>> {
        let mut variables = self.store.variables()?;
        for variable in variables.iter_mut().filter(|variable| variable.encrypted) {
            variable.value.clear();
        }
        Ok(variables)
    }

    /// Keeps a variable.
    pub fn set(&self, name: &str, value: &str, encrypt: bool) -> Result<()> {
        check(name, value)?;
        let kept = if encrypt { self.seal(name, value)? } else { value.to_owned() };
        self.store.set_variable(&Variable { name: name.to_owned(), value: kept, encrypted: encrypt })
    }

    /// Forgets a variable; says whether there was one.
    pub fn remove(&self, name: &str) -> Result<bool> {
        self.store.remove_variable(name)
    }

    /// Encrypts a value so that it can only be read under this name.
    pub(crate) fn seal(&self, name: &str, value: &str) -> Result<String> {
        let nonce = random::bytes::<NONCE_LEN>()?;
        let mut sealed = value.as_bytes().to_vec();
        let aad = Aad::from(format!("{PURPOSE}{name}"));
        self.key()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|error| Failure::new(Kind::Internal, format!("encrypt {name}")).saw(error))?;
        Ok(BASE64.encode(&[nonce.as_slice(), &sealed].concat()))
    }

    fn open(&self, variable: Variable) -> Result<String> {
        if variable.encrypted { self.unseal(&variable.name, &variable.value) } else { Ok(variable.value) }
    }

    /// Decrypts what was sealed under this name.
    pub(crate) fn unseal(&self, name: &str, sealed: &str) -> Result<String> {
        let failed = || {
            let failure = Failure::new(Kind::Internal, format!("decrypt {name}")).saw("it was sealed with another key");
            failure.hint(format!("set it again; {} was replaced", self.data.environment_key().display()))
        };
        let mut sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| failed())?;
        let (nonce, sealed) = sealed.split_first_chunk_mut::<NONCE_LEN>().ok_or_else(failed)?;
        let aad = Aad::from(format!("{PURPOSE}{name}"));
        let key = self.key()?;
        let clear = key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, sealed).map_err(|_| failed())?;
        String::from_utf8(clear.to_vec()).map_err(|_| failed())
    }

    /// The key of this machine; made when it is first needed.
    fn key(&self) -> Result<LessSafeKey> {
        let path = self.data.environment_key();
        let key = if let Some(key) = files::read_if_there(&path)? {
            key
        } else {
            let key = random::bytes::<KEY>()?;
            files::replace(&path, &key, 0o600)?;
            key.to_vec()
        };
        let unusable = |_| {
            let failure = Failure::new(Kind::Internal, format!("use {}", path.display())).saw("it is no key");
            failure.hint("put the right one there; without it encrypted variables cannot be read")
        };
        Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key).map_err(unusable)?))
    }
}

/// Refuses what no program could read from its environment.
fn check(name: &str, value: &str) -> Result<()> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let failure = Failure::new(Kind::Invalid, format!("the variable {name:?}"));
        return Err(failure.saw("a name holds letters, digits and _, and begins with no digit"));
    }
    let invalid = |saw: String| Err(Failure::new(Kind::Invalid, format!("the variable {name}")).saw(saw));
    if value.contains('\0') {
        return invalid("its value holds a zero byte".into());
    }
    let length = name.len() + value.len();
    if length > LENGTH {
        return invalid(format!("name and value have {length} bytes; {LENGTH} are allowed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(dir: &std::path::Path) -> Environment {
        let data = DataDir::new(dir);
        Environment::new(data.clone(), Arc::new(Store::open(&data.database()).unwrap()))
    }

    #[test]
    fn an_encrypted_value_comes_back_and_lies_nowhere_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let environment = environment(dir.path());
        environment.set("PLAIN", "visible", false).unwrap();
        environment.set("SECRET", "s3cret-value-of-the-owner", true).unwrap();
        let values = environment.values().unwrap();
        assert_eq!((values["PLAIN"].as_str(), values["SECRET"].as_str()), ("visible", "s3cret-value-of-the-owner"));
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let content = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!content.windows(6).any(|window| window == b"s3cret"));
        }
        assert!(environment.remove("SECRET").unwrap());
        assert!(!environment.remove("SECRET").unwrap());
    }

    #[test]
    fn a_sealed_value_does_not_open_under_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let environment = environment(dir.path());
        environment.set("A", "value", true).unwrap();
        let mut moved = environment.store.variables().unwrap().remove(0);
        moved.name = "B".into();
        environment.store.set_variable(&moved).unwrap();
        assert!(environment.values().unwrap_err().to_string().contains("decrypt B"));
    }

    #[test]
    fn a_value_that_no_program_could_be_started_with_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let environment = environment(dir.path());
        assert_eq!(environment.set("A", "x\0y", false).unwrap_err().kind(), Kind::Invalid);
        assert_eq!(environment.set("A", &"x".repeat(LENGTH), true).unwrap_err().kind(), Kind::Invalid);
        environment.set("A", &"x".repeat(LENGTH - 1), true).unwrap();
    }

    #[test]
    fn what_is_encrypted_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let environment = environment(dir.path());
        environment.set("PLAIN", "visible", false).unwrap();
        environment.set("SECRET", "s3cret", true).unwrap();
        let shown: Vec<_> = environment.shown().unwrap().into_iter().map(|it| (it.name, it.value)).collect();
        assert_eq!(shown, [("PLAIN".to_owned(), "visible".to_owned()), ("SECRET".to_owned(), String::new())]);
    }

    #[test]
    fn names_are_those_of_variables() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["", "1A", "A-B", "A=B", "Ä", "A B"] {
            assert_eq!(environment(dir.path()).set(name, "x", false).unwrap_err().kind(), Kind::Invalid, "{name}");
        }
    }
}
