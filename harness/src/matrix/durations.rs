//! How long scenarios take: measured, and kept in the repository, so that every machine plans alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::catalog::Arch;
use crate::error::{Error, Failure, Result};
use crate::report::{MatrixReport, Outcome};
use crate::workspace::write_whole;

/// Where they are kept, in the workspace.
pub const DURATIONS: &str = "scenarios/durations.toml";
/// What stands above them.
const HEADING: &str = "\
# How long each scenario takes, in milliseconds: the longest start first, and --partition makes parts of one length.
# Measured, not promised. `cargo xtask matrix --record-durations` writes this file anew; prepare_ms, the time to make a
# system's images on a machine that has none, is set by hand.
";

/// How long scenarios take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// Making the images of a system.
    prepare_ms: u64,
    /// Each scenario, by its name.
    #[serde(default)]
    scenario_ms: BTreeMap<String, u64>,
}

impl Durations {
    /// Reads those of a workspace.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(DURATIONS);
        let failed = |action: &str, seen: String| {
            let hint = "cargo xtask matrix --record-durations writes it anew; git shows what it was";
            Error::File(Failure::new(path.display().to_string(), action).saw(seen).hint(hint))
        };
        let text = std::fs::read_to_string(&path).map_err(|error| failed("read", error.to_string()))?;
        toml::from_str(&text).map_err(|error| failed("understand", error.to_string()))
    }

    /// How long a scenario takes; one that was never measured is taken to be like the others.
    #[must_use]
    pub fn of(&self, scenario: &str) -> u64 {
        self.scenario_ms.get(scenario).copied().unwrap_or_else(|| median(self.scenario_ms.values().copied().collect()))
    }

    /// How long the images of a system take on a machine that has none.
    #[must_use]
    pub fn prepare(&self) -> u64 {
        self.prepare_ms
    }

    /// Takes what a run measured on an architecture's own machine, and forgets the scenarios that are not `known` any more.
    pub fn learn(&mut self, report: &MatrixReport, own: Arch, known: &[String]) {
        let mut measured: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        // what is emulated takes many times as long, and one that failed ended wherever it did
        for scenario in report.cells.iter().filter(|cell| cell.arch == own).flat_map(|cell| &cell.scenarios) {
            if scenario.outcome == Outcome::Passed {
                measured.entry(&scenario.name).or_default().push(scenario.duration_ms);
            }
        }
        self.scenario_ms.extend(measured.into_iter().map(|(name, times)| (name.to_owned(), median(times))));
        self.scenario_ms.retain(|name, _| known.contains(name));
    }

    /// Writes those of a workspace; answers where.
    pub fn write(&self, root: &Path) -> Result<PathBuf> {
        let path = root.join(DURATIONS);
        let text = toml::to_string(self)
            .map_err(|error| Error::File(Failure::new(path.display().to_string(), "write").saw(error)))?;
        write_whole(&path, &format!("{HEADING}\n{text}"))?;
        Ok(path)
    }
}

/// The one in the middle; nothing of none.
fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CellReport, ScenarioReport};

    fn ran(arch: Arch, scenarios: &[(&str, Outcome, u64)]) -> CellReport {
        let report = |&(name, outcome, duration_ms): &(&str, Outcome, u64)| ScenarioReport {
            name: name.to_owned(),
            outcome,
            duration_ms,
            bundle: None,
            why: None,
        };
        CellReport {
            os: "debian".to_owned(),
            version: "12".to_owned(),
            arch,
            available: true,
            reason: String::new(),
            required: false,
            scenarios: scenarios.iter().map(report).collect(),
            not_run: Vec::new(),
        }
    }

    #[test]
    fn a_run_teaches_what_passed_on_the_machines_own_architecture() {
        use Outcome::{Failed, Passed};
        let cells = vec![
            ran(Arch::Amd64, &[("a", Passed, 10), ("b", Failed, 1)]),
            ran(Arch::Amd64, &[("a", Passed, 30), ("b", Passed, 7)]),
            ran(Arch::Arm64, &[("a", Passed, 900)]),
        ];
        let old = [("gone", 5), ("b", 99), ("other", 50)].map(|(name, time)| (name.to_owned(), time));
        let mut durations = Durations { prepare_ms: 3, scenario_ms: old.into() };
        durations.learn(&MatrixReport::new(cells, 0), Arch::Amd64, &["a", "b", "other"].map(str::to_owned));
        assert_eq!((durations.of("a"), durations.of("b"), durations.of("other")), (30, 7, 50));
        assert_eq!(durations.of("never measured"), 30);
        assert_eq!((durations.prepare(), durations.scenario_ms.len()), (3, 3));
    }

    #[test]
    fn what_is_written_is_read_again_and_what_is_not_there_is_named() {
        let root = tempfile::tempdir().unwrap();
        let durations = Durations { prepare_ms: 3, scenario_ms: [("a::b".to_owned(), 5)].into() };
        durations.write(root.path()).unwrap();
        assert_eq!(Durations::read(root.path()).unwrap(), durations);
        std::fs::write(root.path().join(DURATIONS), "prepare_s = 3\n").unwrap();
        let error = Durations::read(root.path()).unwrap_err().to_string();
        assert!(error.contains(DURATIONS) && error.contains("prepare_s"), "{error}");
    }
}
