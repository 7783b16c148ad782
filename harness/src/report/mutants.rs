//! `mutants.json`: which deliberate defects the scenarios noticed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::workspace::write_whole;

/// A run of mutants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MutantsReport {
    /// What became of each.
    pub mutants: Vec<MutantReport>,
    /// From start to end.
    pub wall_ms: u64,
}

/// What became of a mutant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MutantReport {
    /// Its name.
    pub name: String,
    /// The number of the assertion that it breaks, where that has one.
    pub assertion: Option<u8>,
    /// The scenario that must notice it.
    pub scenario: String,
    /// Whether it did.
    pub outcome: MutantOutcome,
    /// How long building and trying took.
    pub duration_ms: u64,
    /// The line that tells of it: of the scenario, or of the compiler.
    pub seen: String,
    /// The folder with the scenario's failure bundle, if it failed.
    pub bundle: Option<PathBuf>,
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MutantOutcome {
    /// The assertion failed, as it should.
    Noticed,
    /// The scenario passed: its assertion proves nothing about this defect.
    Survived,
    /// The scenario failed for another reason.
    Elsewhere,
    /// It could not be built.
    Broken,
}

impl MutantsReport {
    /// Whether every defect was noticed.
    #[must_use]
    pub fn all_noticed(&self) -> bool {
        self.mutants.iter().all(|mutant| mutant.outcome == MutantOutcome::Noticed)
    }

    /// Writes `mutants.json` into `dir`.
    pub fn write(&self, dir: &Path) -> Result<PathBuf> {
        let path = dir.join("mutants.json");
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        write_whole(&path, &json)?;
        Ok(path)
    }
}
