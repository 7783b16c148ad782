//! `report.json`: the whole of a matrix run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{html, junit, markdown};
use crate::catalog::Arch;
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
    /// Why the run ended before everything had run, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// The deploy tool, where it is another than deployd: only such a one can lack something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployer: Option<String>,
    /// What its containers had in memory, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

/// The memory of a run's containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What so many scenarios side by side were expected to stay within.
    pub planned_bytes: u64,
    /// The most that was seen.
    pub peak_bytes: u64,
}

/// Why a run ended before everything had run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// A signal (Ctrl-C).
    Interrupted,
    /// A scenario failed, and the run was asked to end then.
    FailFast,
}

/// One system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CellReport {
    /// `debian`
    pub os: String,
    /// `12`
    pub version: String,
    /// The architecture; another than the machine's own is emulated.
    pub arch: Arch,
    /// Whether this machine can run it.
    pub available: bool,
    /// Why it cannot, or where its base comes from.
    pub reason: String,
    /// Whether it was required: then it is a failure that it cannot run.
    #[serde(default)]
    pub required: bool,
    /// What ran on it.
    pub scenarios: Vec<ScenarioReport>,
    /// The names of those that were stopped, or not begun, because the run ended before them.
    #[serde(default)]
    pub not_run: Vec<String>,
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
    /// The folder with its failure bundle, if it failed; relative to the report once that is written.
    pub bundle: Option<PathBuf>,
    /// Why the deploy tool cannot be asked for it, if it is unsupported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every assertion held.
    Passed,
    /// One did not, or something broke.
    Failed,
    /// The deploy tool, another than deployd, cannot do what it is about.
    Unsupported,
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
    /// Scenarios that are about what the deploy tool cannot do.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsupported: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
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
            unsupported: count(Outcome::Unsupported),
        };
        Self { cells, totals, wall_ms, stopped: None, deployer: None, memory: None }
    }

    /// Writes the report into `dir`, for programs, for a CI's page and for people; answers where `report.json` is.
    ///
    /// Bundles are named relative to `dir`, so that the folder can be carried elsewhere.
    pub fn write(&self, dir: &Path) -> Result<PathBuf> {
        let report = self.relative_to(dir);
        write_whole(&dir.join("junit.xml"), &junit::render(&report, dir)?)?;
        write_whole(&dir.join("summary.md"), &markdown::render(&report, dir))?;
        write_whole(&dir.join("index.html"), &html::render(&report, dir)?)?;
        let path = dir.join("report.json");
        let json = serde_json::to_string_pretty(&report).unwrap_or_default();
        write_whole(&path, &json)?;
        Ok(path)
    }

    fn relative_to(&self, dir: &Path) -> Self {
        let mut report = self.clone();
        for bundle in report.cells.iter_mut().flat_map(|cell| &mut cell.scenarios).filter_map(|it| it.bundle.as_mut()) {
            if let Ok(relative) = bundle.strip_prefix(dir) {
                *bundle = relative.to_owned();
            }
        }
        report
    }
}
