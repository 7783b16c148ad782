//! What a run came to, in words that all forms of the report share.

use std::time::Duration;

use super::names::{cell_slug, cell_title};
use super::{CellReport, MatrixReport, Outcome, ScenarioReport, Stopped};

impl MatrixReport {
    /// The systems that were required and cannot run here.
    pub fn missing(&self) -> impl Iterator<Item = &CellReport> {
        self.cells.iter().filter(|cell| cell.required && !cell.available)
    }

    /// The scenarios that failed, each with its system.
    pub fn failures(&self) -> impl Iterator<Item = (&CellReport, &ScenarioReport)> {
        let all = self.cells.iter().flat_map(|cell| cell.scenarios.iter().map(move |it| (cell, it)));
        all.filter(|(_, it)| it.outcome == Outcome::Failed)
    }

    /// The scenarios that are about what the deploy tool cannot do, each with its system.
    pub fn unsupported(&self) -> impl Iterator<Item = (&CellReport, &ScenarioReport)> {
        let all = self.cells.iter().flat_map(|cell| cell.scenarios.iter().map(move |it| (cell, it)));
        all.filter(|(_, it)| it.outcome == Outcome::Unsupported)
    }

    /// Whether everything ran that should, and passed. What the deploy tool cannot do has not.
    #[must_use]
    pub fn all_passed(&self) -> bool {
        self.nothing_failed() && self.totals.unsupported == 0
    }

    /// Whether everything ran that should, and none of it failed.
    #[must_use]
    pub fn nothing_failed(&self) -> bool {
        self.totals.failed == 0 && self.stopped.is_none() && self.missing().next().is_none()
    }

    /// One line: how many scenarios failed or passed, on how many systems.
    #[must_use]
    pub fn verdict(&self) -> String {
        let totals = self.totals;
        let ran = totals.passed + totals.failed;
        let systems = totals.cells - totals.unavailable;
        let result = match totals.failed {
            0 => format!("{} passed on {}", count(ran, "scenario"), count(systems, "system")),
            failed => format!("{failed} of {} failed on {}", count(ran, "scenario"), count(systems, "system")),
        };
        let by = self.deployer.as_ref().map(|tool| format!("{tool}: ")).unwrap_or_default();
        let unsupported = match totals.unsupported {
            0 => String::new(),
            number => format!(", {number} more unsupported"),
        };
        let missing = self.missing().count();
        let missing =
            if missing > 0 { format!(", {} cannot run", count(missing, "required system")) } else { String::new() };
        format!(
            "{by}{result}{unsupported}{missing}{}",
            self.stopped.map(|why| format!(", {}", why.words())).unwrap_or_default()
        )
    }
}

impl CellReport {
    /// `debian-12`, `debian-12-arm64`: the name of its folder.
    #[must_use]
    pub fn slug(&self) -> String {
        cell_slug(&self.os, &self.version, self.arch)
    }

    /// `debian 12`, `debian 12 arm64`
    #[must_use]
    pub fn title(&self) -> String {
        cell_title(&self.os, &self.version, self.arch)
    }

    /// How many of its scenarios ended so.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.scenarios.iter().filter(|it| it.outcome == outcome).count()
    }
}

impl Stopped {
    /// For the reader of a report.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Interrupted => "stopped by a signal",
            Self::FailFast => "stopped at the first failure",
        }
    }
}

impl Outcome {
    /// `passed`, `failed` or `unsupported`
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unsupported => "unsupported",
        }
    }
}

/// `1 system`, `2 systems`
pub(super) fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

/// `0.4 s`, `12 s`, `3 min 05 s`
pub(super) fn time(ms: u64) -> String {
    let seconds = (ms + 500) / 1000;
    match seconds {
        _ if ms < 9950 => format!("{:.1} s", Duration::from_millis(ms).as_secs_f64()),
        0..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let told = [0, 440, 9949, 9960, 59_400, 59_600, 185_000].map(time);
        assert_eq!(told, ["0.0 s", "0.4 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "3 min 05 s"]);
    }
}
