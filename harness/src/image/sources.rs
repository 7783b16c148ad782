//! Which sources of base images may be asked, and the settings that say so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::recipe::short_hex;
use super::{REPOSITORY, mirror};
use crate::Engine;
use crate::catalog::{Arch, Family, System};
use crate::error::{Error, Failure, Result};

/// The setting that says of which architecture VPSes are.
pub const ARCH_VARIABLE: &str = "TESTENV_ARCH";
/// The setting that names the only source to ask.
const SOURCE_VARIABLE: &str = "TESTENV_BASE_SOURCE";
/// Its word for all sources in order.
const AUTO: &str = "auto";
/// The setting that names another registry than the catalog's.
pub(crate) const REGISTRY_VARIABLE: &str = "TESTENV_REGISTRY_MIRROR";

/// The setting that names a root file system archive.
const ROOTFS_VARIABLE: &str = "TESTENV_ROOTFS";
/// The setting by which nothing is installed on this machine.
const NO_INSTALL_VARIABLE: &str = "TESTENV_NO_INSTALL";

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// The settings in the environment: `TESTENV_BASE_SOURCE`, `TESTENV_REGISTRY_MIRROR`, `TESTENV_ROOTFS`,
    /// `TESTENV_NO_INSTALL`, `TESTENV_ARCH`.
    pub fn from_env() -> Result<Self> {
        Self::read(&|name| std::env::var(name).ok())
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let text = |name| variable(name).filter(|text| !text.is_empty());
        let never = setting(NO_INSTALL_VARIABLE, text(NO_INSTALL_VARIABLE), "", |word| match word {
            "0" => Ok(false),
            "1" => Ok(true),
            other => Err(format!("it says {other:?}; known: 0, 1")),
        })?;
        Ok(Self {
            arch: setting(ARCH_VARIABLE, text(ARCH_VARIABLE), "", str::parse)?,
            only: setting(SOURCE_VARIABLE, text(SOURCE_VARIABLE), AUTO, str::parse)?,
            registry_mirror: text(REGISTRY_VARIABLE),
            rootfs: text(ROOTFS_VARIABLE).map(PathBuf::from),
            may_install: never != Some(true),
        })
    }

    /// The variables by which another process has the same settings, but for the architecture: one that is empty or says
    /// what is done without it takes the place of what that process would inherit.
    pub(crate) fn variables(&self) -> Result<Vec<(&'static str, OsString)>> {
        let archive = self.rootfs.as_ref().map(|archive| {
            // the other process may work in another folder
            std::path::absolute(archive).map(PathBuf::into_os_string).map_err(|error| cannot_read(archive, &error))
        });
        Ok(vec![
            (SOURCE_VARIABLE, self.only.map_or(AUTO, BaseSource::word).into()),
            (REGISTRY_VARIABLE, self.registry_mirror.clone().unwrap_or_default().into()),
            (ROOTFS_VARIABLE, archive.transpose()?.unwrap_or_default()),
            (NO_INSTALL_VARIABLE, if self.may_install { "0" } else { "1" }.into()),
        ])
    }

    /// Whether the settings agree: an archive that is named is what bases are made of, and no other source is asked.
    pub fn check(&self) -> Result<()> {
        match (&self.rootfs, self.only) {
            (Some(archive), Some(other)) if other != BaseSource::Local => {
                let named = format!("--rootfs (or {ROOTFS_VARIABLE}) {}", archive.display());
                let failure = Failure::new(named, "choose the source of bases");
                let seen = format!("--base-source (or {SOURCE_VARIABLE}) asks for another one: {}", other.word());
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

    /// The name that the system's base of a source has on the engine, whether it is there already or not.
    pub fn reference(&self, engine: &Engine, system: &System, source: BaseSource) -> Result<String> {
        self.tag(system, self.arch(engine), source)
    }

    /// The name that this system's base of a source has on the engine: it follows everything that decides what is in it,
    /// and not which other sources might have been asked.
    pub(super) fn tag(&self, system: &System, arch: Arch, source: BaseSource) -> Result<String> {
        // what apt was told to make it of stays in its sources, and may not answer those who never named it
        let named = (source == BaseSource::Mirror && system.family == Family::Apt)
            .then(|| mirror::named(system.family, &system.os))
            .flatten();
        self.tag_with(system, arch, source, named.as_deref())
    }

    fn tag_with(&self, system: &System, arch: Arch, source: BaseSource, named: Option<&str>) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(format!("{system:?} {arch} {}", source.word()));
        hash.update(named.unwrap_or_default());
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

/// A setting of the environment; none where it is not there, or the word for what is done without it.
fn setting<T>(
    name: &'static str,
    word: Option<String>,
    default: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    let word = word.filter(|word| word != default);
    let wrong = |error| Error::Name(Failure::new(name, "read the setting").saw(error));
    word.map(|word| parse(&word)).transpose().map_err(wrong)
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
    fn another_process_reads_the_settings_that_this_one_hands_on() {
        let plain = BaseSources { may_install: true, ..BaseSources::default() };
        let mirrored = BaseSources {
            only: Some(BaseSource::Registry),
            registry_mirror: Some("http://mirror:5000".to_owned()),
            ..BaseSources::default()
        };
        for sources in [plain, mirrored, with_rootfs(Some(BaseSource::Local))] {
            let variables = sources.variables().unwrap();
            let read = BaseSources::read(&|name| {
                let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
                value.to_str().map(str::to_owned)
            });
            assert_eq!(read.unwrap(), sources);
        }
    }

    #[test]
    fn a_setting_that_says_neither_yes_nor_no_is_named() {
        let read = BaseSources::read(&|name| (name == NO_INSTALL_VARIABLE).then(|| "maybe".to_owned()));
        let told = read.unwrap_err().to_string();
        assert!(told.contains(NO_INSTALL_VARIABLE) && told.contains("known: 0, 1"), "{told}");
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

    #[test]
    fn a_base_of_a_named_mirror_is_not_that_of_the_catalogs() {
        let catalog = Catalog::built_in();
        let system = catalog.find("debian", "12").unwrap();
        let tag = |named| BaseSources::default().tag_with(system, Arch::Amd64, BaseSource::Mirror, named).unwrap();
        assert_ne!(tag(Some("http://mirror/debian")), tag(None));
        assert_ne!(tag(Some("http://mirror/debian")), tag(Some("http://other/debian")));
    }
}
