//! The cells of the matrix, and whether this machine can run each.

use futures_util::future::join_all;
use serde::Serialize;

use crate::Engine;
use crate::catalog::{Arch, Catalog, System};
use crate::error::{Error, Failure, Result};
use crate::image::{BaseSources, Reach};
use crate::report::cell_slug;

/// A system on an architecture, and whether this machine can run it.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The system.
    pub system: System,
    /// The architecture.
    pub arch: Arch,
    /// Whether its base can be had.
    pub reach: Reach,
}

/// How a cell is listed.
#[derive(Serialize)]
struct Listed<'a> {
    os: &'a str,
    version: &'a str,
    arch: Arch,
    available: bool,
    reason: String,
}

impl Cell {
    /// Whether this machine can run it.
    #[must_use]
    pub fn is_available(&self) -> bool {
        matches!(self.reach, Reach::Yes(_))
    }

    /// `debian-12`, and `debian-12-arm64` where the architecture is another than amd64: the name of its folder.
    #[must_use]
    pub fn slug(&self) -> String {
        cell_slug(&self.system.os, &self.system.version, self.arch)
    }

    /// Where its base comes from, or why it cannot be had.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.reach {
            Reach::Yes(source) => source.clone(),
            Reach::No(tried) => tried.join("; "),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (os, version) = (self.system.os.as_str(), self.system.version.as_str());
        Listed { os, version, arch: self.arch, available: self.is_available(), reason: self.reason() }
            .serialize(serializer)
    }
}

/// The cells that `patterns` (`os` or `os:version`) select, all of them without any, in the catalog's order: one for each
/// of the architectures, of that of the engine's machine without any.
pub async fn cells(
    engine: &Engine,
    sources: &BaseSources,
    catalog: &Catalog,
    patterns: &[String],
    archs: &[Arch],
) -> Result<Vec<Cell>> {
    let own = [engine.arch()];
    let archs = distinct(if archs.is_empty() { &own } else { archs });
    let selected = catalog.select_all(patterns)?;
    let pairs: Vec<_> = selected.iter().flat_map(|system| archs.iter().map(move |arch| (*system, *arch))).collect();
    archive_fits(sources, pairs.len())?;
    let cgroup = engine.about().await?.cgroup();
    let cell = async |(system, arch): (&System, Arch)| {
        let reach = match system.init_on(cgroup) {
            Ok(_) => sources.with_arch(arch).reach(engine, system).await?,
            Err(why) => Reach::No(vec![why]),
        };
        Ok(Cell { system: system.clone(), arch, reach })
    };
    join_all(pairs.into_iter().map(cell)).await.into_iter().collect()
}

/// An archive has one system in it, for one architecture: taken for others, it would be tested under their names.
fn archive_fits(sources: &BaseSources, cells: usize) -> Result<()> {
    match &sources.rootfs {
        Some(archive) if cells != 1 => {
            let failure = Failure::new(format!("--rootfs {}", archive.display()), "choose the system that it is");
            let hint = "name the one system that is in it, as --os debian:12, and one --arch";
            Err(Error::Name(failure.saw(format!("it would be the base of {cells} cells")).hint(hint)))
        }
        _ => Ok(()),
    }
}

/// Each once, in the order of their first.
fn distinct(archs: &[Arch]) -> Vec<Arch> {
    let first = |(at, arch): &(usize, &Arch)| !archs[..*at].contains(arch);
    archs.iter().enumerate().filter(first).map(|(_, arch)| *arch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_architecture_that_is_named_twice_counts_once() {
        use Arch::{Amd64, Arm64};
        assert_eq!(distinct(&[Arm64, Amd64, Arm64]), [Arm64, Amd64]);
    }

    #[test]
    fn an_archive_is_the_base_of_one_cell_and_no_more() {
        let mut sources = BaseSources::default();
        assert!(archive_fits(&sources, 20).is_ok());
        sources.rootfs = Some("/root.tar".into());
        assert!(archive_fits(&sources, 1).is_ok());
        let refused = archive_fits(&sources, 20).unwrap_err();
        assert!(matches!(refused, Error::Name(_)) && refused.to_string().contains("--os debian:12"), "{refused}");
    }
}
