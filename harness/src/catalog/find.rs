//! All systems, and the names people type for them.

use std::fmt;
use std::path::Path;

use super::{BadCatalog, System, parse};

/// The catalog that this library was built with.
const BUILT_IN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vps-images/catalog.toml"));

/// All systems, in the order of the file.
#[derive(Debug, Clone)]
pub struct Catalog {
    systems: Vec<System>,
}

/// A name that the catalog does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSystem {
    asked: String,
    kind: &'static str,
    valid: Vec<String>,
    nearest: Option<String>,
}

impl std::error::Error for UnknownSystem {}

impl fmt::Display for UnknownSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {:?}", self.kind, self.asked)?;
        if let Some(nearest) = &self.nearest {
            write!(f, ": did you mean {nearest}?")?;
        }
        write!(f, "\n  valid: {}", self.valid.join(", "))
    }
}

impl Catalog {
    /// The catalog that this library was built with.
    ///
    /// # Panics
    /// Never in a build whose tests passed: a unit test reads it.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN, Path::new("vps-images/catalog.toml")).expect("the built-in catalog is well formed")
    }

    /// Reads a catalog; `file` is for the error messages, which name the file, the entry and the field.
    ///
    /// What the table `[os.NAME]` says holds for every entry of that `os` that does not say otherwise; tables are merged
    /// key by key. A field that is not known is an error, and so is one that is missing, of another type, or one that
    /// contradicts another.
    pub fn parse(text: &str, file: &Path) -> Result<Self, BadCatalog> {
        Ok(Self { systems: parse::systems(text, file)? })
    }

    /// Every system, in the order of the file.
    #[must_use]
    pub fn systems(&self) -> &[System] {
        &self.systems
    }

    /// The system that a person means by `os` and `version`: a version, a code name, or `latest` for the
    /// last one that is released.
    pub fn find(&self, os: &str, version: &str) -> Result<&System, UnknownSystem> {
        let of_os = self.of(os)?;
        let wanted = version.to_lowercase();
        let fits = |system: &&&System| system.version == wanted || system.codename.as_deref() == Some(&wanted);
        let latest = || of_os.iter().rfind(|system| wanted == "latest" && system.released);
        if let Some(system) = of_os.iter().find(fits).or_else(latest) {
            return Ok(system);
        }
        let names = of_os.iter().flat_map(|s| [Some(s.version.clone()), s.codename.clone()]).flatten();
        let nearest =
            nearest(&wanted, names.chain(["latest".to_owned()])).map(|name| format!("{} {name}", of_os[0].os));
        let valid = of_os.iter().map(|s| match &s.codename {
            Some(codename) => format!("{} ({codename})", s.version),
            None => s.version.clone(),
        });
        let valid = valid.chain(["latest".to_owned()]).collect();
        Err(UnknownSystem { asked: version.to_owned(), kind: "version of this system", valid, nearest })
    }

    /// The systems that `os` or `os:version` selects.
    pub fn select(&self, pattern: &str) -> Result<Vec<&System>, UnknownSystem> {
        match pattern.split_once(':') {
            Some((os, version)) => Ok(vec![self.find(os, version)?]),
            None => self.of(pattern),
        }
    }

    /// The systems that any of the patterns selects, all without any, in the order of the file.
    pub fn select_all(&self, patterns: &[String]) -> Result<Vec<&System>, UnknownSystem> {
        if patterns.is_empty() {
            return Ok(self.systems.iter().collect());
        }
        let mut chosen = Vec::new();
        for pattern in patterns {
            chosen.extend(self.select(pattern)?);
        }
        Ok(self.systems.iter().filter(|system| chosen.contains(system)).collect())
    }

    fn of(&self, os: &str) -> Result<Vec<&System>, UnknownSystem> {
        let wanted = os.to_lowercase();
        let found: Vec<_> = self.systems.iter().filter(|system| system.os == wanted).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let mut valid: Vec<String> = self.systems.iter().map(|system| system.os.clone()).collect();
        valid.dedup();
        let nearest = nearest(&wanted, valid.iter().cloned());
        Err(UnknownSystem { asked: os.to_owned(), kind: "system", valid, nearest })
    }
}

/// The one of `all` that is called `word`; the error names them.
pub(super) fn one_of<T: fmt::Display + Copy>(kind: &str, all: &[T], word: &str) -> Result<T, String> {
    all.iter().copied().find(|it| it.to_string() == word).ok_or_else(|| {
        let known: Vec<String> = all.iter().map(ToString::to_string).collect();
        format!("unknown {kind} {word:?}; known: {}", known.join(", "))
    })
}

/// The name most like `word`, if any is like it at all.
fn nearest(word: &str, names: impl Iterator<Item = String>) -> Option<String> {
    names
        .map(|name| (strsim::jaro_winkler(word, &name), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_people_type_them() {
        let catalog = Catalog::built_in();
        for (os, version, slug) in [
            ("ubuntu", "16.04", "ubuntu-16.04"),
            ("Ubuntu", "Xenial", "ubuntu-16.04"),
            ("debian", "latest", "debian-13"),
            ("centos", "stream9", "centos-stream9"),
            ("Debian", "Forky", "debian-forky"),
            ("fedora", "latest", "fedora-44"),
        ] {
            assert_eq!(catalog.find(os, version).unwrap().slug(), slug);
        }
        assert_eq!(catalog.select("debian").unwrap().len(), 4);
        assert_eq!(catalog.select("debian:12").unwrap().len(), 1);
    }

    #[test]
    fn an_unknown_name_lists_the_valid_ones_and_the_nearest() {
        let catalog = Catalog::built_in();
        let error = catalog.find("debain", "12").unwrap_err().to_string();
        assert!(error.contains("did you mean debian?") && error.contains("ubuntu, centos, debian, rocky"), "{error}");
        let error = catalog.find("ubuntu", "16.10").unwrap_err().to_string();
        assert!(error.contains("did you mean ubuntu 16.04?") && error.contains("22.04 (jammy)"), "{error}");
    }
}
