//! Which sources of base images may be asked, and the settings that say so.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::REPOSITORY;
use super::recipe::short_hex;
use crate::Engine;
use crate::catalog::{Arch, System};
use crate::error::{Error, Failure, Result};

/// The setting that says of which architecture VPSes are.
pub const ARCH_VARIABLE: &str = "TESTENV_ARCH";
/// The setting that names the only source to ask.
const SOURCE_VARIABLE: &str = "TESTENV_BASE_SOURCE";
/// The setting that names another registry than the catalog's.
pub(super) const REGISTRY_VARIABLE: &str = "TESTENV_REGISTRY_MIRROR";

/// Where a base image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseSource {
    /// A container registry: the catalog's, or a mirror of it.
    Registry,
    /// The distribution's package mirror.
    Mirror,
    /// A root file system archive that the user named.
    Local,
}

/// Which sources may be asked, and their settings.
#[derive(Debug, Clone, Default)]
pub struct BaseSources {
    /// The architecture of bases; that of the engine's machine without it.
    pub arch: Option<Arch>,
    /// The only source to ask; all in order without it.
    pub only: Option<BaseSource>,
    /// A mirror of the registries in the catalog, `http://host:port`.
    pub registry_mirror: Option<String>,
    /// A root file system archive of the user: where one is named, nothing else is asked.
    pub rootfs: Option<PathBuf>,
    /// Whether missing tools of the host may be installed from its distribution's packages.
    pub may_install: bool,
}

impl BaseSource {
    /// How people write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Mirror => "mirror",
            Self::Local => "local",
        }
    }
}

impl FromStr for BaseSource {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = [Self::Registry, Self::Mirror, Self::Local].into_iter().find(|source| source.word() == word);
        known.ok_or_else(|| format!("unknown base source {word:?}; known: auto, registry, mirror, local"))
    }
}

impl BaseSources {
    /// The settings in the environment: `TESTENV_BASE_SOURCE`, `TESTENV_REGISTRY_MIRROR`, `TESTENV_ARCH`.
    pub fn from_env() -> Result<Self> {
        let only = setting(SOURCE_VARIABLE, "auto")?;
        let registry_mirror = std::env::var(REGISTRY_VARIABLE).ok().filter(|url| !url.is_empty());
        Ok(Self { arch: setting(ARCH_VARIABLE, "")?, only, registry_mirror, rootfs: None, may_install: true })
    }

    /// Whether the settings agree: an archive that is named is what bases are made of, and no other source is asked.
    pub fn check(&self) -> Result<()> {
        match (&self.rootfs, self.only) {
            (Some(archive), Some(other)) if other != BaseSource::Local => {
                let failure = Failure::new(format!("--rootfs {}", archive.display()), "choose the source of bases");
                let seen = format!("--base-source {} asks for another one", other.word());
                Err(Error::Name(failure.saw(seen).hint("beside --rootfs: --base-source local, or auto, or neither")))
            }
            _ => Ok(()),
        }
    }

    /// The same sources for bases of one architecture.
    #[must_use]
    pub fn with_arch(&self, arch: Arch) -> Self {
        Self { arch: Some(arch), ..self.clone() }
    }

    /// The sources of what stands beside the VPSes: what was chosen for a VPS's base says nothing about those.
    pub(crate) fn for_tools(&self, arch: Arch) -> Self {
        Self { arch: Some(arch), only: None, rootfs: None, ..self.clone() }
    }

    /// The architecture that bases for this engine have.
    #[must_use]
    pub fn arch(&self, engine: &Engine) -> Arch {
        self.arch.unwrap_or_else(|| engine.arch())
    }

    /// The sources to ask, in order.
    pub(super) fn wanted(&self) -> Vec<BaseSource> {
        match (&self.rootfs, self.only) {
            (Some(_), _) => vec![BaseSource::Local],
            (None, Some(only)) => vec![only],
            (None, None) => vec![BaseSource::Registry, BaseSource::Mirror],
        }
    }

    /// The references to pull, the mirror's first: by tag, for people fill theirs with images of their own. The catalog's
    /// registry is asked for the digest that the entry is held to.
    pub(super) fn references(&self, system: &System) -> Vec<String> {
        let mirrored = self.registry_mirror.as_ref().map(|url| {
            let host = url.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
            let path = system.base.split_once('/').map_or(system.base.as_str(), |(_, path)| path);
            format!("{host}/{path}")
        });
        mirrored.into_iter().chain([system.reference()]).collect()
    }

    /// The name that this system's base of a source has on the engine: it follows everything that decides what is in it,
    /// and not which other sources might have been asked.
    pub(super) fn tag(&self, system: &System, arch: Arch, source: BaseSource) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(format!("{system:?} {arch} {}", source.word()));
        for (name, pem) in super::extra_authorities()? {
            hash.update(name);
            hash.update(pem);
        }
        if let (BaseSource::Local, Some(archive)) = (source, &self.rootfs) {
            let seen = std::fs::metadata(archive).map_err(|error| cannot_read(archive, &error))?;
            hash.update(format!("{} {} {:?}", archive.display(), seen.len(), seen.modified().ok()));
        }
        Ok(format!("{REPOSITORY}/base:{}-{arch}-{}", system.slug(), short_hex(&hash.finalize())))
    }
}

pub(super) fn cannot_read(archive: &Path, error: &std::io::Error) -> Error {
    let failure = Failure::new(archive.display().to_string(), "read the root file system archive").saw(error);
    Error::File(failure.hint("--rootfs takes a tar archive, plain or compressed with gzip, bzip2 or xz"))
}

/// A setting of the environment; none where it is not there, empty, or the word for what is done without it.
fn setting<T: FromStr<Err = String>>(name: &'static str, default: &str) -> Result<Option<T>> {
    match std::env::var(name) {
        Ok(word) if !word.is_empty() && word != default => {
            word.parse().map(Some).map_err(|error| Error::Name(Failure::new(name, "read the setting").saw(error)))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn with_rootfs(only: Option<BaseSource>) -> BaseSources {
        BaseSources { only, rootfs: Some("/root.tar".into()), ..BaseSources::default() }
    }

    #[test]
    fn an_archive_that_is_named_is_used_and_agrees_with_no_other_source() {
        for only in [None, Some(BaseSource::Local)] {
            assert!(with_rootfs(only).check().is_ok());
            assert_eq!(with_rootfs(only).wanted(), [BaseSource::Local]);
        }
        let refused = with_rootfs(Some(BaseSource::Registry)).check().unwrap_err();
        assert!(matches!(refused, Error::Name(_)), "{refused}");
        assert!(refused.to_string().contains("--base-source local"), "{refused}");
    }

    #[test]
    fn what_was_chosen_for_a_vps_says_nothing_about_the_tools() {
        let chosen = [with_rootfs(Some(BaseSource::Local)), with_rootfs(None)];
        for sources in chosen {
            assert_eq!(sources.for_tools(Arch::Amd64).wanted(), [BaseSource::Registry, BaseSource::Mirror]);
        }
    }

    #[test]
    fn a_base_of_one_source_serves_whoever_allows_that_source() {
        let catalog = Catalog::built_in();
        let system = catalog.find("debian", "12").unwrap();
        let tag = |only, source| {
            let sources = BaseSources { only, ..BaseSources::default() };
            sources.tag(system, Arch::Amd64, source).unwrap()
        };
        let (registry, mirror) = (BaseSource::Registry, BaseSource::Mirror);
        assert_eq!(tag(None, mirror), tag(Some(mirror), mirror));
        assert_ne!(tag(None, mirror), tag(None, registry));
    }
}
