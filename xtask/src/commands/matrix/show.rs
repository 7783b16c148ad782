//! What a run came to, as a table.

use std::fmt::Write as _;
use std::path::Path;

use comfy_table::Table;
use harness::report::{CellReport, MatrixReport, Outcome, ScenarioReport, Stopped};

use super::plain::{self, word};
use crate::commands::common::table;

/// Where the column of the scenarios that a tool cannot do is.
const UNSUPPORTED_COLUMN: usize = 5;

/// Shows a run whose report is in `dir`: what failed comes last, where the eye and the end of a CI's log are.
pub fn show(report: &MatrixReport, dir: &Path) {
    if report.deployer.is_some() {
        println!("{}\n", each(report, dir));
    }
    println!("{}", systems(report));
    for line in report.failures().flat_map(|(cell, scenario)| failure(cell, scenario, dir)) {
        println!("{line}");
    }
    println!("{}", sum(report));
}

/// A row for each system.
fn systems(report: &MatrixReport) -> Table {
    let mut header = vec!["SYSTEM", "ARCH", "RESULT", "PASSED", "FAILED", "NOT RUN", "SECONDS", "BASE, OR WHY NOT"];
    // deployd can do everything: the column is for the tools of others
    let by_others = report.deployer.is_some();
    if by_others {
        header.insert(UNSUPPORTED_COLUMN, "UNSUPPORTED");
    }
    let mut table = table(&header);
    for cell in &report.cells {
        let seconds: u64 = cell.scenarios.iter().map(|it| it.duration_ms).sum::<u64>() / 1000;
        let mut row = vec![
            format!("{} {}", cell.os, cell.version),
            cell.arch.to_string(),
            result(cell).to_owned(),
            cell.count(Outcome::Passed).to_string(),
            cell.count(Outcome::Failed).to_string(),
            cell.not_run.len().to_string(),
            seconds.to_string(),
            cell.reason.clone(),
        ];
        if by_others {
            row.insert(UNSUPPORTED_COLUMN, cell.count(Outcome::Unsupported).to_string());
        }
        table.add_row(row);
    }
    table
}

/// A row for each scenario on each system: what a tool of others can do, and why not what it cannot.
fn each(report: &MatrixReport, dir: &Path) -> Table {
    let mut table = table(&["SYSTEM", "SCENARIO", "RESULT", "WHY"]);
    for cell in report.cells.iter().filter(|cell| cell.available) {
        for it in &cell.scenarios {
            let why = match it.outcome {
                Outcome::Passed => String::new(),
                Outcome::Failed => cell.error(dir, it).lines().next().unwrap_or_default().to_owned(),
                Outcome::Unsupported => it.why.clone().unwrap_or_default(),
            };
            table.add_row([cell.title(), it.name.clone(), word(it.outcome).to_owned(), why]);
        }
    }
    table
}

fn failure(cell: &CellReport, scenario: &ScenarioReport, dir: &Path) -> Vec<String> {
    let error = cell.error(dir, scenario);
    let error = error.lines().map(|line| format!("        {line}"));
    plain::ended(&cell.slug(), scenario).into_iter().chain(error).collect()
}

fn result(cell: &CellReport) -> &'static str {
    match (cell.available, cell.count(Outcome::Failed), cell.not_run.len()) {
        (false, ..) if cell.required => "REQUIRED, unavailable",
        (false, ..) => "unavailable",
        (true, 0, 0) if cell.count(Outcome::Unsupported) > 0 => "passed in part",
        (true, 0, 0) => word(Outcome::Passed),
        (true, 0, _) => "STOPPED",
        (true, ..) => word(Outcome::Failed),
    }
}

/// The last line: all in one sentence.
fn sum(report: &MatrixReport) -> String {
    let totals = report.totals;
    let (ran, seconds) = (totals.cells - totals.unavailable, report.wall_ms / 1000);
    let mut text = report.deployer.as_ref().map(|tool| format!("{tool}: ")).unwrap_or_default();
    let _ = write!(text, "{} passed, {} failed", totals.passed, totals.failed);
    if totals.unsupported > 0 {
        let _ = write!(text, ", {} unsupported", totals.unsupported);
    }
    let _ = write!(text, " on {ran} of {} systems in {seconds} s", totals.cells);
    if let Some(memory) = report.memory {
        let (peak, planned) = (memory.peak_bytes >> 20, memory.planned_bytes >> 20);
        let _ = write!(text, ", with {peak} of {planned} planned MiB of memory");
    }
    let left: usize = report.cells.iter().map(|cell| cell.not_run.len()).sum();
    match report.stopped {
        Some(Stopped::Interrupted) => {
            let _ = write!(text, "; interrupted, {left} not run");
        }
        Some(Stopped::FailFast) => {
            let _ = write!(text, "; ended by the first failure, {left} not run");
        }
        None => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use harness::catalog::Arch;
    use harness::report::Memory;

    use super::*;

    fn cell(available: bool, outcomes: &[Outcome], not_run: &[&str]) -> CellReport {
        let ran = |outcome: &Outcome| ScenarioReport {
            name: "a".to_owned(),
            outcome: *outcome,
            duration_ms: 1500,
            bundle: None,
            why: None,
        };
        CellReport {
            os: "debian".to_owned(),
            version: "12".to_owned(),
            arch: Arch::Amd64,
            available,
            reason: String::new(),
            required: false,
            scenarios: outcomes.iter().map(ran).collect(),
            not_run: not_run.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn a_cell_passed_only_if_all_of_it_ran() {
        use Outcome::{Failed, Passed, Unsupported};
        let words = [
            cell(true, &[Passed], &[]),
            cell(true, &[Passed, Failed], &["b"]),
            cell(true, &[Passed], &["b"]),
            cell(false, &[], &[]),
            CellReport { required: true, ..cell(false, &[], &[]) },
            cell(true, &[Passed, Unsupported], &[]),
        ];
        let expected = ["passed", "FAILED", "STOPPED", "unavailable", "REQUIRED, unavailable", "passed in part"];
        assert_eq!(words.each_ref().map(result), expected);
    }

    #[test]
    fn a_failure_is_told_with_its_error_and_where_its_bundle_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("failure.txt"), "it did not serve\nlast seen: 502\n").unwrap();
        let mut scenario = cell(true, &[Outcome::Failed], &[]).scenarios.remove(0);
        scenario.bundle = Some(dir.path().to_owned());
        let told = failure(&cell(true, &[], &[]), &scenario, dir.path()).join("\n");
        let bundle = dir.path().display();
        let expected =
            format!("FAILED  debian-12  a (1 s)\n        {bundle}\n        it did not serve\n        last seen: 502");
        assert_eq!(told, expected);
    }

    #[test]
    fn the_last_line_says_what_was_planned_and_what_is_missing() {
        let cells = vec![cell(true, &[Outcome::Passed], &["b", "c"]), cell(false, &[], &[])];
        let mut report = MatrixReport::new(cells, 9100);
        assert_eq!(sum(&report), "1 passed, 0 failed on 1 of 2 systems in 9 s");
        report.memory = Some(Memory { planned_bytes: 4 << 30, peak_bytes: 900 << 20 });
        report.stopped = Some(Stopped::FailFast);
        let expected = "1 passed, 0 failed on 1 of 2 systems in 9 s, with 900 of 4096 planned MiB of memory; \
                        ended by the first failure, 2 not run";
        assert_eq!(sum(&report), expected);
    }
}
