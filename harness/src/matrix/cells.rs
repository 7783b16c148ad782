//! The cells of the matrix, and whether this machine can run each.

use futures_util::future::join_all;
use serde::Serialize;

use crate::Engine;
use crate::catalog::{Catalog, System};
use crate::error::Result;
use crate::image::{BaseSources, Reach};

/// A system, and whether this machine can run it.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The system.
    pub system: System,
    /// Whether its base can be had.
    pub reach: Reach,
}

/// How a cell is listed.
#[derive(Serialize)]
struct Listed<'a> {
    os: &'a str,
    version: &'a str,
    available: bool,
    reason: String,
}

impl Cell {
    /// Whether this machine can run it.
    #[must_use]
    pub fn is_available(&self) -> bool {
        matches!(self.reach, Reach::Yes(_))
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
        Listed { os, version, available: self.is_available(), reason: self.reason() }.serialize(serializer)
    }
}

/// The cells that `patterns` (`os` or `os:version`) select, all of them without any, in the catalog's order.
pub async fn cells(
    engine: &Engine,
    sources: &BaseSources,
    catalog: &Catalog,
    patterns: &[String],
) -> Result<Vec<Cell>> {
    let selected = catalog.select_all(patterns)?;
    let reaches = join_all(selected.iter().map(|system| sources.reach(engine, system))).await;
    selected
        .into_iter()
        .zip(reaches)
        .map(|(system, reach)| Ok(Cell { system: system.clone(), reach: reach? }))
        .collect()
}
