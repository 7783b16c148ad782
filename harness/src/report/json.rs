//! `report.json`: the whole of a matrix run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::workspace::write_whole;

/// A matrix run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MatrixReport {
    /// One entry per system that was asked for.
    pub cells: Vec<CellReport>,
    /// The sums.
    pub totals: Totals,
    /// From start to end.
    pub wall_ms: u64,
}

/// One system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CellReport {
    /// `debian`
    pub os: String,
    /// `12`
    pub version: String,
    /// Whether this machine can run it.
    pub available: bool,
    /// Why it cannot, or where its base comes from.
    pub reason: String,
    /// What ran on it.
    pub scenarios: Vec<ScenarioReport>,
}

/// One scenario on one system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScenarioReport {
    /// `first_deploy::a_bare_vps_gets_the_daemon`
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub duration_ms: u64,
    /// The folder with its failure bundle, if it failed.
    pub bundle: Option<PathBuf>,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every assertion held.
    Passed,
    /// One did not, or something broke.
    Failed,
}

/// The sums of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Systems asked for.
    pub cells: usize,
    /// Those that this machine cannot run.
    pub unavailable: usize,
    /// Scenarios that passed.
    pub passed: usize,
    /// Scenarios that failed.
    pub failed: usize,
}

impl MatrixReport {
    /// Sums up the cells.
    #[must_use]
    pub fn new(cells: Vec<CellReport>, wall_ms: u64) -> Self {
        let count = |outcome| cells.iter().flat_map(|cell| &cell.scenarios).filter(|it| it.outcome == outcome).count();
        let totals = Totals {
            cells: cells.len(),
            unavailable: cells.iter().filter(|cell| !cell.available).count(),
            passed: count(Outcome::Passed),
            failed: count(Outcome::Failed),
        };
        Self { cells, totals, wall_ms }
    }

    /// Writes `report.json` into `dir`.
    pub fn write(&self, dir: &Path) -> Result<PathBuf> {
        let path = dir.join("report.json");
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        write_whole(&path, &json)?;
        Ok(path)
    }
}
