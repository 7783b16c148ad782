//! The systems a mock VPS can be: parses `catalog.toml` and the names people type.
//!
//! This file stands on its own (no other module of the crate), so that a build script can include it.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// The catalog that this library was built with.
const BUILT_IN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vps-images/catalog.toml"));

/// All systems, in the order of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    #[serde(rename = "system")]
    systems: Vec<System>,
}

/// One system: an operating system in one version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// `ubuntu`, `centos`, `debian`
    pub os: String,
    /// `16.04`, `stream9`, `12`
    pub version: String,
    /// What the distribution calls the release, where it has a name.
    pub codename: Option<String>,
    /// Which recipe makes a VPS of the base.
    pub family: Family,
    /// The base image in a container registry.
    pub base: String,
    /// The ways PID 1 can be started, the default first.
    #[serde(default = "Init::all")]
    pub init: Vec<Init>,
    /// The distribution's packages that bring a container engine and its client.
    pub engine: Vec<String>,
    /// When the distribution's own updates end, as an ISO date.
    pub end_of_life: String,
    /// Where the packages come from; a base is made from it where no registry answers.
    pub mirror: Option<Mirror>,
}

/// A distribution's package mirror.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// The archive.
    pub url: String,
    /// The suites of that archive, the release itself first.
    pub suites: Vec<String>,
    /// The components of each suite.
    pub components: Vec<String>,
    /// The key ring file on the host that signs for the archive.
    pub keyring: String,
    /// The host package that brings the key ring.
    pub keyring_package: String,
    /// The security archive, where it is one of its own.
    pub security: Option<SecurityArchive>,
}

/// A distribution's archive of security updates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityArchive {
    /// The archive.
    pub url: String,
    /// Its suite for this release.
    pub suite: String,
}

/// The kind of packages a system is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// dpkg and apt
    Apt,
    /// rpm with yum or dnf
    Rpm,
}

/// What runs as PID 1 of a VPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// systemd, as on a server.
    Systemd,
    /// The SSH server alone: lighter, and the only way for systems without systemd.
    Sshd,
}

impl Init {
    fn all() -> Vec<Self> {
        vec![Self::Systemd, Self::Sshd]
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Systemd => "systemd",
            Self::Sshd => "sshd",
        })
    }
}

impl std::str::FromStr for Init {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::all()
            .into_iter()
            .find(|init| init.to_string() == word)
            .ok_or_else(|| format!("unknown init {word:?}; known: systemd, sshd"))
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.os, self.version)
    }
}

impl System {
    /// `debian-12`: for names of images, folders and tests.
    #[must_use]
    pub fn slug(&self) -> String {
        format!("{}-{}", self.os, self.version)
    }

    /// The init a VPS of this system gets unless another is asked for.
    #[must_use]
    pub fn default_init(&self) -> Init {
        self.init.first().copied().unwrap_or(Init::Systemd)
    }
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

/// A catalog file that is wrong: where, and what.
#[derive(Debug)]
pub struct BadCatalog(String);

impl std::error::Error for BadCatalog {}

impl fmt::Display for BadCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

    /// Reads a catalog; `file` is for the error messages.
    pub fn parse(text: &str, file: &Path) -> Result<Self, BadCatalog> {
        let catalog: Self = toml::from_str(text).map_err(|error| BadCatalog(format!("{}: {error}", file.display())))?;
        for (at, system) in catalog.systems.iter().enumerate() {
            let bad = |what: &str| BadCatalog(format!("{}: entry {} ({system}): {what}", file.display(), at + 1));
            if catalog.systems[..at].iter().any(|other| other.slug() == system.slug()) {
                return Err(bad("the same os and version as an earlier entry"));
            }
            if system.end_of_life.parse::<jiff::civil::Date>().is_err() {
                return Err(bad(&format!("end_of_life: {:?} is not a date like 2028-06-30", system.end_of_life)));
            }
            if system.init.is_empty() {
                return Err(bad("init: names no way to start PID 1; leave it out for systemd and sshd"));
            }
        }
        Ok(catalog)
    }

    /// Every system, in the order of the file.
    #[must_use]
    pub fn systems(&self) -> &[System] {
        &self.systems
    }

    /// The system that a person means by `os` and `version`: a version, a code name or `latest`.
    pub fn find(&self, os: &str, version: &str) -> Result<&System, UnknownSystem> {
        let of_os = self.of(os)?;
        let wanted = version.to_lowercase();
        let fits = |system: &&&System| system.version == wanted || system.codename.as_deref() == Some(&wanted);
        if let Some(system) = of_os.iter().find(fits).or_else(|| of_os.last().filter(|_| wanted == "latest")) {
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
        ] {
            assert_eq!(catalog.find(os, version).unwrap().slug(), slug);
        }
        assert_eq!(catalog.select("debian").unwrap().len(), 3);
        assert_eq!(catalog.select("debian:12").unwrap().len(), 1);
    }

    #[test]
    fn an_unknown_name_lists_the_valid_ones_and_the_nearest() {
        let catalog = Catalog::built_in();
        let error = catalog.find("debain", "12").unwrap_err().to_string();
        assert!(error.contains("did you mean debian?") && error.contains("ubuntu, centos, debian"), "{error}");
        let error = catalog.find("ubuntu", "16.10").unwrap_err().to_string();
        assert!(error.contains("did you mean ubuntu 16.04?") && error.contains("22.04 (jammy)"), "{error}");
    }

    #[test]
    fn a_wrong_entry_is_named_by_file_entry_and_field() {
        let entry = |extra: &str| {
            format!(
                "[[system]]\nos='a'\nversion='1'\nfamily='apt'\nbase='a:1'\nengine=[]\nend_of_life='2030-01-01'\n{extra}\n"
            )
        };
        for (text, told) in [
            (entry("colour = 'red'"), "colour"),
            (entry("").replace("base='a:1'\n", ""), "base"),
            (entry("").repeat(2), "entry 2 (a 1): the same os and version"),
            (entry("").replace("2030-01-01", "soon"), "entry 1 (a 1): end_of_life"),
            (entry("init = []"), "entry 1 (a 1): init"),
        ] {
            let error = Catalog::parse(&text, Path::new("my.toml")).unwrap_err().to_string();
            assert!(error.starts_with("my.toml: ") && error.contains(told), "{error}");
        }
    }
}
