//! A system's base image, from the first source that answers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;

use super::recipe::{Progress, short_hex};
use super::{REPOSITORY, mirror};
use crate::catalog::{Arch, Family, System};
use crate::engine::{ARCH, Imported};
use crate::error::{Error, Failure, Result};
use crate::lease::Lease;
use crate::{Engine, emulation};

/// Which label of a base image says where it came from; an image that was pulled has none.
const SOURCE: &str = "org.testvps.source";

/// The setting that says of which architecture VPSes are.
pub const ARCH_VARIABLE: &str = "TESTENV_ARCH";

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

/// A base image on the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Base {
    /// How the engine knows it.
    pub reference: String,
    /// Where it came from.
    pub source: BaseSource,
    /// What its programs run on.
    pub arch: Arch,
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
    /// A root file system archive of the user.
    pub rootfs: Option<PathBuf>,
    /// Whether missing tools of the host may be installed from its distribution's packages.
    pub may_install: bool,
}

/// Whether a system's base can be had on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Reach {
    /// It can, from here.
    Yes(String),
    /// It cannot; one line per source says why.
    No(Vec<String>),
}

impl FromStr for BaseSource {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "registry" => Ok(Self::Registry),
            "mirror" => Ok(Self::Mirror),
            "local" => Ok(Self::Local),
            other => Err(format!("unknown base source {other:?}; known: auto, registry, mirror, local")),
        }
    }
}

impl BaseSources {
    /// The settings in the environment: `TESTENV_BASE_SOURCE`, `TESTENV_REGISTRY_MIRROR`, `TESTENV_ARCH`.
    pub fn from_env() -> Result<Self> {
        let only = setting("TESTENV_BASE_SOURCE", "auto")?;
        let registry_mirror = std::env::var("TESTENV_REGISTRY_MIRROR").ok().filter(|url| !url.is_empty());
        Ok(Self { arch: setting(ARCH_VARIABLE, "")?, only, registry_mirror, rootfs: None, may_install: true })
    }

    /// The same sources for bases of one architecture.
    #[must_use]
    pub fn with_arch(&self, arch: Arch) -> Self {
        Self { arch: Some(arch), ..self.clone() }
    }

    /// The architecture that bases for this engine have.
    #[must_use]
    pub fn arch(&self, engine: &Engine) -> Arch {
        self.arch.unwrap_or_else(|| engine.arch())
    }

    fn allows(&self, source: BaseSource) -> bool {
        self.only.is_none_or(|only| only == source)
    }

    /// The references to pull, the mirror's first: by tag, for people fill theirs with images of their own. The catalog's
    /// registry is asked for the digest that the entry is held to.
    fn references(&self, system: &System) -> Vec<String> {
        let mirrored = self.registry_mirror.as_ref().map(|url| {
            let host = url.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
            let path = system.base.split_once('/').map_or(system.base.as_str(), |(_, path)| path);
            format!("{host}/{path}")
        });
        mirrored.into_iter().chain([system.reference()]).collect()
    }

    /// The name that this system's base has on the engine: it follows everything that decides what is in it.
    fn tag(&self, system: &System, arch: Arch) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(format!("{system:?} {arch} {:?}", self.only));
        for (name, pem) in super::extra_authorities()? {
            hash.update(name);
            hash.update(pem);
        }
        if let Some(archive) = &self.rootfs {
            let seen = std::fs::metadata(archive).map_err(|error| cannot_read(archive, &error))?;
            hash.update(format!("{} {} {:?}", archive.display(), seen.len(), seen.modified().ok()));
        }
        Ok(format!("{REPOSITORY}/base:{}-{arch}-{}", system.slug(), short_hex(&hash.finalize())))
    }

    /// The reference that the system's base has, whether the engine has it already or not.
    pub fn reference(&self, engine: &Engine, system: &System) -> Result<String> {
        self.tag(system, self.arch(engine))
    }

    /// The system's base, fetched unless the engine has it.
    pub async fn obtain(
        &self,
        engine: &Engine,
        lease: &Lease,
        system: &System,
        progress: Progress<'_>,
    ) -> Result<Base> {
        let arch = self.arch(engine);
        system.has_arch(arch).map_err(|why| {
            Error::Machine(Failure::new(system.to_string(), format!("get the base image for {arch}")).saw(why))
        })?;
        emulation::ensure(engine, arch, self.may_install, progress).await?;
        let tag = self.tag(system, arch)?;
        if let Some(base) = on_engine(engine, &tag, arch).await? {
            return Ok(base);
        }
        let _fetching = lease.machine().lock(&format!("base-{}", system.slug())).await?;
        if let Some(base) = on_engine(engine, &tag, arch).await? {
            return Ok(base);
        }
        let start = Instant::now();
        let mut tried = Vec::new();
        if let Some(archive) = &self.rootfs {
            progress(&format!("{system}: base from {}", archive.display()));
            import_archive(engine, archive, &tag, arch).await?;
            return Ok(Base { reference: tag, source: BaseSource::Local, arch });
        }
        if self.allows(BaseSource::Registry) {
            for reference in self.references(system) {
                match engine.pull(&reference, arch, &tag).await {
                    Ok(()) => {
                        progress(&format!("{system}: base pulled from {reference}"));
                        return Ok(Base { reference: tag, source: BaseSource::Registry, arch });
                    }
                    Err(why) => tried.push(format!("registry {reference}: {why}")),
                }
            }
        }
        if self.allows(BaseSource::Mirror) {
            match mirror::Plan::for_system(system, arch, self.may_install, progress).await {
                Ok(plan) => {
                    progress(&format!("{system}: base from the package mirror {}", plan.url()));
                    plan.import(engine, lease, &tag).await?;
                    return Ok(Base { reference: tag, source: BaseSource::Mirror, arch });
                }
                Err(why) => tried.push(format!("package mirror: {why}")),
            }
        }
        Err(Error::Machine(cannot_be_had(system, &tried).after(start.elapsed())))
    }

    /// Whether the base could be had, without fetching it.
    pub async fn reach(&self, engine: &Engine, system: &System) -> Result<Reach> {
        let arch = self.arch(engine);
        if let Err(why) = system.has_arch(arch) {
            return Ok(Reach::No(vec![why]));
        }
        if let Err(why) = emulation::reach(engine, arch, self.may_install).await {
            return Ok(Reach::No(vec![why]));
        }
        if on_engine(engine, &self.tag(system, arch)?, arch).await?.is_some() {
            return Ok(Reach::Yes("on the engine".to_owned()));
        }
        if self.rootfs.is_some() {
            return Ok(Reach::Yes("root file system archive".to_owned()));
        }
        let mut tried = Vec::new();
        if self.allows(BaseSource::Registry) {
            for reference in self.references(system) {
                match engine.registry_has(&reference, arch).await {
                    Ok(()) => return Ok(Reach::Yes(reference)),
                    Err(why) => tried.push(format!("registry {}: {}", short(&reference), cause(&why))),
                }
            }
        }
        if self.allows(BaseSource::Mirror) {
            match mirror::answers(system, arch).await {
                Ok(url) => return Ok(Reach::Yes(url)),
                Err(why) => tried.push(format!("package mirror: {why}")),
            }
        }
        Ok(Reach::No(tried))
    }
}

/// A reference as a table shows it: a digest is for machines.
fn short(reference: &str) -> &str {
    reference.split_once('@').map_or(reference, |(repository, _)| repository)
}

/// The last of the causes that an error names, which says what a person must know: `no such host`.
pub(super) fn cause(why: &str) -> &str {
    let last = why.trim().rsplit(": ").next().unwrap_or(why);
    last.rsplit_once(" (HTTP ").map_or(last, |(cause, _)| cause)
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

fn cannot_be_had(system: &System, tried: &[String]) -> Failure {
    let setting = mirror::setting(system.family, &system.os);
    let mirror = match system.family {
        Family::Apt => format!("{setting}=http://host/{} (a package mirror)", system.os),
        Family::Rpm => format!("{setting}=http://host (a package mirror with the paths of the catalog's)"),
    };
    let hint = format!(
        "either of these would help:\n\
         TESTENV_REGISTRY_MIRROR=http://host:port (a registry that serves {})\n{mirror}",
        system.base.split_once('/').map_or(system.base.as_str(), |(_, path)| path)
    );
    Failure::new(system.to_string(), "get the base image").saw(tried.join("\n")).hint(hint)
}

async fn on_engine(engine: &Engine, tag: &str, arch: Arch) -> Result<Option<Base>> {
    let Some((_, labels)) = engine.image(tag).await? else { return Ok(None) };
    let source = match labels.get(SOURCE).map(String::as_str) {
        Some("mirror") => BaseSource::Mirror,
        Some("local") => BaseSource::Local,
        _ => BaseSource::Registry,
    };
    Ok(Some(Base { reference: tag.to_owned(), source, arch }))
}

/// The labels of a base that we made ourselves.
pub(super) fn labels(source: &str, arch: Arch) -> HashMap<String, String> {
    HashMap::from([(SOURCE.to_owned(), source.to_owned()), (ARCH.to_owned(), arch.to_string())])
}

async fn import_archive(engine: &Engine, archive: &Path, tag: &str, arch: Arch) -> Result<()> {
    let file = tokio::fs::File::open(archive).await.map_err(|error| cannot_read(archive, &error))?;
    engine.import(ReaderStream::new(file), Imported { tag, labels: &labels("local", arch), arch }).await
}

fn cannot_read(archive: &Path, error: &std::io::Error) -> Error {
    let failure = Failure::new(archive.display().to_string(), "read the root file system archive").saw(error);
    Error::File(failure.hint("--rootfs takes a tar archive, plain or compressed with gzip, bzip2 or xz"))
}
