//! The variables that the owner gave the application; those that are encrypted lie nowhere in clear.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Failure, Kind, Result};
use crate::seal::Secret;
use crate::store::{Store, Variable};

/// How long name and value may be together: the kernel starts no program with a longer one. The = and the zero byte at the
/// end count, too.
const LENGTH: usize = 128 * 1024 - 2;

/// The application's variables.
#[derive(Debug, Clone)]
pub struct Environment {
    store: Arc<Store>,
}

impl Environment {
    /// The variables in a store.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
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
        let kept = if encrypt { self.store.seal().seal(Secret::Variable(name), value)? } else { value.to_owned() };
        self.store.set_variable(&Variable { name: name.to_owned(), value: kept, encrypted: encrypt })
    }

    /// Forgets a variable; says whether there was one.
    pub fn remove(&self, name: &str) -> Result<bool> {
        self.store.remove_variable(name)
    }

    fn open(&self, variable: Variable) -> Result<String> {
        if !variable.encrypted {
            return Ok(variable.value);
        }
        self.store.seal().open_as(Secret::Variable(&variable.name), &variable.value)
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
    use crate::settings::DataDir;

    fn environment(dir: &std::path::Path) -> Environment {
        Environment::new(Arc::new(Store::open(&DataDir::new(dir)).unwrap()))
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
        assert!(environment.values().unwrap_err().to_string().contains("decrypt the variable B"));
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
