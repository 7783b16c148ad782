//! A system's base image, from the first source that answers.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;

use super::recipe::{Progress, short_hex};
use super::{REPOSITORY, mirror};
use crate::Engine;
use crate::catalog::{Family, System};
use crate::engine::Imported;
use crate::error::{Error, Failure, Result};
use crate::lease::Lease;

/// Which label of a base image says where it came from; an image that was pulled has none.
const SOURCE: &str = "org.testvps.source";

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
}

/// Which sources may be asked, and their settings.
#[derive(Debug, Clone, Default)]
pub struct BaseSources {
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
    /// The settings in the environment: `TESTENV_BASE_SOURCE`, `TESTENV_REGISTRY_MIRROR`.
    pub fn from_env() -> Result<Self> {
        let only = match std::env::var("TESTENV_BASE_SOURCE").as_deref() {
            Err(_) | Ok("" | "auto") => None,
            Ok(word) => Some(word.parse().map_err(|error: String| {
                Error::Name(Failure::new("TESTENV_BASE_SOURCE", "read the setting").saw(error))
            })?),
        };
        let registry_mirror = std::env::var("TESTENV_REGISTRY_MIRROR").ok().filter(|url| !url.is_empty());
        Ok(Self { only, registry_mirror, rootfs: None, may_install: true })
    }

    fn allows(&self, source: BaseSource) -> bool {
        self.only.is_none_or(|only| only == source)
    }

    /// The references to pull, the mirror's first.
    fn references(&self, system: &System) -> Vec<String> {
        let mirrored = self.registry_mirror.as_ref().map(|url| {
            let host = url.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
            let path = system.base.split_once('/').map_or(system.base.as_str(), |(_, path)| path);
            format!("{host}/{path}")
        });
        mirrored.into_iter().chain([system.base.clone()]).collect()
    }

    /// The name that this system's base has on the engine: it follows everything that decides what is in it.
    fn tag(&self, system: &System, arch: &str) -> Result<String> {
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

    /// The system's base, fetched unless the engine has it.
    pub async fn obtain(
        &self,
        engine: &Engine,
        lease: &Lease,
        system: &System,
        progress: Progress<'_>,
    ) -> Result<Base> {
        let arch = engine.arch();
        let tag = self.tag(system, arch)?;
        if let Some(base) = on_engine(engine, &tag).await? {
            return Ok(base);
        }
        let _fetching = lease.machine().lock(&format!("base-{}", system.slug())).await?;
        if let Some(base) = on_engine(engine, &tag).await? {
            return Ok(base);
        }
        let start = Instant::now();
        let mut tried = Vec::new();
        if let Some(archive) = &self.rootfs {
            progress(&format!("{system}: base from {}", archive.display()));
            import_archive(engine, archive, &tag).await?;
            return Ok(Base { reference: tag, source: BaseSource::Local });
        }
        if self.allows(BaseSource::Registry) {
            for reference in self.references(system) {
                match engine.pull(&reference).await {
                    Ok(()) => {
                        progress(&format!("{system}: base pulled from {reference}"));
                        engine.tag(&reference, &tag).await?;
                        return Ok(Base { reference: tag, source: BaseSource::Registry });
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
                    return Ok(Base { reference: tag, source: BaseSource::Mirror });
                }
                Err(why) => tried.push(format!("package mirror: {why}")),
            }
        }
        Err(Error::Machine(cannot_be_had(system, &tried).after(start.elapsed())))
    }

    /// Whether the base could be had, without fetching it.
    pub async fn reach(&self, engine: &Engine, system: &System) -> Result<Reach> {
        let arch = engine.arch();
        if on_engine(engine, &self.tag(system, arch)?).await?.is_some() {
            return Ok(Reach::Yes("on the engine".to_owned()));
        }
        if self.rootfs.is_some() {
            return Ok(Reach::Yes("root file system archive".to_owned()));
        }
        let mut tried = Vec::new();
        if self.allows(BaseSource::Registry) {
            for reference in self.references(system) {
                match engine.registry_has(&reference).await {
                    Ok(()) => return Ok(Reach::Yes(reference)),
                    Err(why) => tried.push(format!("registry {reference}: {why}")),
                }
            }
        }
        if self.allows(BaseSource::Mirror) {
            match mirror::answers(system).await {
                Ok(url) => return Ok(Reach::Yes(url)),
                Err(why) => tried.push(format!("package mirror: {why}")),
            }
        }
        Ok(Reach::No(tried))
    }
}

fn cannot_be_had(system: &System, tried: &[String]) -> Failure {
    let mirror = match system.family {
        Family::Apt => format!("TESTENV_APT_MIRROR_{}=http://host/{}", system.os.to_uppercase(), system.os),
        Family::Rpm => "--rootfs FILE (a root file system archive)".to_owned(),
    };
    let hint = format!(
        "either of these would help:\n\
         TESTENV_REGISTRY_MIRROR=http://host:port (a registry that serves {})\n{mirror}",
        system.base.split_once('/').map_or(system.base.as_str(), |(_, path)| path)
    );
    Failure::new(system.to_string(), "get the base image").saw(tried.join("\n")).hint(hint)
}

async fn on_engine(engine: &Engine, tag: &str) -> Result<Option<Base>> {
    let Some((_, labels)) = engine.image(tag).await? else { return Ok(None) };
    let source = match labels.get(SOURCE).map(String::as_str) {
        Some("mirror") => BaseSource::Mirror,
        Some("local") => BaseSource::Local,
        _ => BaseSource::Registry,
    };
    Ok(Some(Base { reference: tag.to_owned(), source }))
}

/// The labels of a base that we made ourselves.
pub(super) fn labels(source: &str) -> std::collections::HashMap<String, String> {
    [(SOURCE.to_owned(), source.to_owned())].into()
}

async fn import_archive(engine: &Engine, archive: &Path, tag: &str) -> Result<()> {
    let file = tokio::fs::File::open(archive).await.map_err(|error| cannot_read(archive, &error))?;
    engine.import(ReaderStream::new(file), Imported { tag, labels: &labels("local") }).await
}

fn cannot_read(archive: &Path, error: &std::io::Error) -> Error {
    let failure = Failure::new(archive.display().to_string(), "read the root file system archive").saw(error);
    Error::File(failure.hint("--rootfs takes a tar archive, plain or compressed with gzip, bzip2 or xz"))
}
