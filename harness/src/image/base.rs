//! A system's base image, from the first source that answers.

use std::collections::HashMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio_util::io::ReaderStream;

use super::mirror::{self, NotMade};
use super::recipe::Progress;
use super::sources::{BaseSource, BaseSources, REGISTRY_VARIABLE, cannot_read};
use super::tools::runs_on;
use crate::catalog::{Arch, Family, System};
use crate::engine::{ARCH, Imported};
use crate::error::{Error, Failure, Result};
use crate::lease::Lease;
use crate::{Engine, emulation};

/// Which label of a base image says where it came from; an image that was pulled has none.
const SOURCE: &str = "org.testvps.source";
/// Why an archive that nobody named is no source.
const NO_ARCHIVE: &str = "root file system archive: none was named (--rootfs FILE)";

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

/// Whether a system's base can be had on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Reach {
    /// It can, from here.
    Yes(String),
    /// It cannot; one line per source says why.
    No(Vec<String>),
}

impl BaseSources {
    /// The system's base, fetched unless the engine has it.
    pub async fn obtain(
        &self,
        engine: &Engine,
        lease: &Lease,
        system: &System,
        progress: Progress<'_>,
    ) -> Result<Base> {
        let arch = self.arch(engine);
        system.has_arch(arch).map_err(|why| no_such_base(system, arch, engine.arch(), why))?;
        emulation::ensure(engine, arch, self.may_install, progress).await?;
        if let Some(base) = self.on_engine(engine, system, arch).await? {
            return Ok(base);
        }
        let _fetching = lease.machine().lock(&format!("base-{}", system.slug())).await?;
        if let Some(base) = self.on_engine(engine, system, arch).await? {
            return Ok(base);
        }
        let (start, mut tried) = (Instant::now(), Vec::new());
        let wanted = Wanted { sources: self, engine, lease, system, arch, progress };
        for source in self.wanted() {
            let tag = self.tag(system, arch, source)?;
            let got = match source {
                BaseSource::Registry => wanted.pull(&tag, &mut tried).await?,
                BaseSource::Mirror => wanted.make(&tag, &mut tried).await?,
                BaseSource::Local => wanted.import(&tag, &mut tried).await?,
            };
            if got {
                return Ok(Base { reference: tag, source, arch });
            }
        }
        Err(Error::Machine(self.cannot_be_had(system, &tried).after(start.elapsed())))
    }

    /// Whether the base could be had, and a VPS be made of it, without fetching it.
    pub async fn reach(&self, engine: &Engine, system: &System) -> Result<Reach> {
        let arch = self.arch(engine);
        if let Err(why) = system.has_arch(arch).and_then(|()| runs_on(engine.arch(), system, arch)) {
            return Ok(Reach::No(vec![why]));
        }
        if let Err(why) = emulation::reach(engine, arch, self.may_install).await {
            return Ok(Reach::No(vec![why]));
        }
        if self.on_engine(engine, system, arch).await?.is_some() {
            return Ok(Reach::Yes("on the engine".to_owned()));
        }
        let mut tried = Vec::new();
        for source in self.wanted() {
            let found = match source {
                BaseSource::Registry => self.registry_has(engine, system, arch, &mut tried).await,
                BaseSource::Mirror => match mirror::answers(system, arch, self.may_install).await {
                    Ok(url) => Some(url),
                    Err(why) => none(&mut tried, format!("package mirror: {why}")),
                },
                BaseSource::Local if self.rootfs.is_some() => Some("root file system archive".to_owned()),
                BaseSource::Local => none(&mut tried, NO_ARCHIVE.to_owned()),
            };
            if let Some(found) = found {
                return Ok(Reach::Yes(found));
            }
        }
        Ok(Reach::No(tried))
    }

    async fn registry_has(
        &self,
        engine: &Engine,
        system: &System,
        arch: Arch,
        tried: &mut Vec<String>,
    ) -> Option<String> {
        for reference in self.references(system) {
            match engine.registry_has(&reference, arch).await {
                Ok(()) => return Some(reference),
                Err(why) => {
                    tried.push(format!("registry {}: {}{}", short(&reference), cause(&why), mend(&reference, &why)));
                }
            }
        }
        None
    }

    /// The base that the engine has of one of the sources.
    async fn on_engine(&self, engine: &Engine, system: &System, arch: Arch) -> Result<Option<Base>> {
        for source in self.wanted() {
            let tag = self.tag(system, arch, source)?;
            if engine.image(&tag).await?.is_some() {
                return Ok(Some(Base { reference: tag, source, arch }));
            }
        }
        Ok(None)
    }

    fn cannot_be_had(&self, system: &System, tried: &[String]) -> Failure {
        let setting = mirror::setting(system.family, &system.os);
        let mirror = match system.family {
            Family::Apt => format!("{setting}=http://host/{} (a package mirror)", system.os),
            Family::Rpm => format!("{setting}=http://host (a package mirror with the paths of the catalog's)"),
        };
        let path = system.base.split_once('/').map_or(system.base.as_str(), |(_, path)| path);
        let mut hint = format!(
            "any of these would help:\n\
             {REGISTRY_VARIABLE}=http://host:port (a registry that serves {path})\n{mirror}\n\
             --rootfs FILE (a root file system archive of {system})"
        );
        if self.only.is_some() {
            hint.push_str("\n--base-source auto (all sources are asked)");
        }
        Failure::new(system.to_string(), "get the base image").saw(tried.join("\n")).hint(hint)
    }
}

/// An architecture that no machine could have it for is a wrong word, unless it is that of a machine nobody chose.
fn no_such_base(system: &System, arch: Arch, machine: Arch, why: String) -> Error {
    let failure = Failure::new(system.to_string(), format!("get the base image for {arch}")).saw(why);
    if arch == machine {
        let others = system.architectures.iter().map(|arch| format!("--arch {arch}")).collect::<Vec<_>>();
        return Error::Machine(failure.hint(format!("it is emulated: {}", others.join(" or "))));
    }
    Error::Name(failure)
}

/// A base on its way from one of the sources; each puts into `tried` why it has none.
struct Wanted<'a> {
    sources: &'a BaseSources,
    engine: &'a Engine,
    lease: &'a Lease,
    system: &'a System,
    arch: Arch,
    progress: Progress<'a>,
}

impl Wanted<'_> {
    async fn pull(&self, tag: &str, tried: &mut Vec<String>) -> Result<bool> {
        for reference in self.sources.references(self.system) {
            match self.engine.pull(&reference, self.arch, tag).await {
                Ok(()) => {
                    (self.progress)(&format!("{}: base pulled from {reference}", self.system));
                    return Ok(true);
                }
                Err(Error::Pull(failure)) => {
                    let why = failure.seen().unwrap_or_default();
                    tried.push(format!("registry {reference}: {why}{}", mend(&reference, why)));
                }
                Err(other) => return Err(other),
            }
        }
        Ok(false)
    }

    async fn make(&self, tag: &str, tried: &mut Vec<String>) -> Result<bool> {
        let Self { sources, engine, lease, system, arch, progress } = self;
        let plan = match mirror::Plan::for_system(system, *arch, sources.may_install, progress).await {
            Ok(plan) => plan,
            Err(why) => {
                tried.push(format!("package mirror: {why}"));
                return Ok(false);
            }
        };
        progress(&format!("{system}: base from the package mirror {}", plan.url()));
        match plan.import(engine, lease, tag).await {
            Ok(()) => Ok(true),
            Err(NotMade::Source(why)) => {
                tried.push(format!("package mirror {}: {why}", plan.url()));
                Ok(false)
            }
            Err(NotMade::Machine(error)) => Err(error),
        }
    }

    async fn import(&self, tag: &str, tried: &mut Vec<String>) -> Result<bool> {
        let Some(archive) = &self.sources.rootfs else {
            tried.push(NO_ARCHIVE.to_owned());
            return Ok(false);
        };
        (self.progress)(&format!("{}: base from {}", self.system, archive.display()));
        let file = tokio::fs::File::open(archive).await.map_err(|error| cannot_read(archive, &error))?;
        let image = Imported { tag, labels: &labels("local", self.arch), arch: self.arch };
        self.engine.import(ReaderStream::new(file), image).await?;
        Ok(true)
    }
}

/// Notes why a source has nothing.
fn none(tried: &mut Vec<String>, why: String) -> Option<String> {
    tried.push(why);
    None
}

/// What helps against some of a registry's failures: an engine speaks HTTPS to any registry beyond its own machine, whatever
/// the setting says, until it is told otherwise.
fn mend(reference: &str, why: &str) -> String {
    if !why.contains("HTTP response to HTTPS client") {
        return String::new();
    }
    let host = reference.split('/').next().unwrap_or_default();
    format!(
        "; the engine may speak to it without TLS once its /etc/docker/daemon.json has \"insecure-registries\": \
         [\"{host}\"] and it was told so: systemctl reload docker"
    )
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

/// The labels of a base that we made ourselves.
pub(super) fn labels(source: &str, arch: Arch) -> HashMap<String, String> {
    HashMap::from([(SOURCE.to_owned(), source.to_owned()), (ARCH.to_owned(), arch.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn an_architecture_that_a_system_never_had_is_a_wrong_word() {
        let catalog = Catalog::built_in();
        let centos = catalog.find("centos", "7").unwrap();
        let why = centos.has_arch(Arch::Armhf).unwrap_err();
        let refused = no_such_base(centos, Arch::Armhf, Arch::Amd64, why.clone());
        assert!(matches!(&refused, Error::Name(_)) && refused.to_string().contains("only for amd64"), "{refused}");
        let refused = no_such_base(centos, Arch::Armhf, Arch::Armhf, why);
        assert!(matches!(&refused, Error::Machine(_)) && refused.to_string().contains("--arch amd64"), "{refused}");
    }

    #[test]
    fn a_registry_without_tls_is_told_with_what_lets_the_engine_speak_to_it() {
        let why = "Get \"https://mirror:5000/v2/\": http: server gave HTTP response to HTTPS client";
        let told = mend("mirror:5000/library/debian:12", why);
        assert!(told.contains("\"insecure-registries\": [\"mirror:5000\"]"), "{told}");
        assert_eq!(mend("mirror:5000/library/debian:12", "manifest unknown"), "");
    }

    #[test]
    fn whoever_gets_no_base_is_told_each_source_and_each_setting() {
        let catalog = Catalog::built_in();
        let sources = BaseSources { only: Some(BaseSource::Local), ..BaseSources::default() };
        let told = sources.cannot_be_had(catalog.find("debian", "12").unwrap(), &[NO_ARCHIVE.to_owned()]).to_string();
        for word in [
            NO_ARCHIVE,
            "TESTENV_REGISTRY_MIRROR=http://host:port (a registry that serves library/debian:12)",
            "TESTENV_APT_MIRROR_DEBIAN=http://host/debian",
            "--rootfs FILE (a root file system archive of debian 12)",
            "--base-source auto",
        ] {
            assert!(told.contains(word), "no {word:?} in:\n{told}");
        }
    }
}
