//! `junit.xml`: the run as CI systems read it.

use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::{CellReport, MatrixReport, Outcome, ScenarioReport};
use crate::error::{Error, Failure, Result};

/// The name of the case that stands for a system that cannot run.
const UNAVAILABLE: &str = "unavailable";

/// The report, whose bundles are in `dir`.
pub(super) fn render(report: &MatrixReport, dir: &Path) -> Result<String> {
    let mut xml = Report::new("matrix");
    xml.set_time(Duration::from_millis(report.wall_ms));
    let why = report.stopped.map_or("the run ended before it", super::Stopped::words);
    xml.add_test_suites(report.cells.iter().map(|cell| suite(cell, dir, why)));
    xml.to_string().map_err(|error| Error::File(Failure::new("junit.xml", "write").saw(error)))
}

fn suite(cell: &CellReport, dir: &Path, why: &str) -> TestSuite {
    let mut suite = TestSuite::new(cell.slug());
    suite.add_property(Property::new("base", cell.reason.as_str()));
    if !cell.available {
        let mut case = TestCase::new(UNAVAILABLE, unavailable(cell));
        case.set_classname(cell.slug());
        suite.add_test_case(case);
        return suite;
    }
    suite.set_time(Duration::from_millis(cell.scenarios.iter().map(|it| it.duration_ms).sum()));
    suite.add_test_cases(cell.scenarios.iter().map(|it| case(cell, it, dir)));
    suite.add_test_cases(cell.not_run.iter().map(|name| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(why);
        named(cell, name, status)
    }));
    suite
}

fn unavailable(cell: &CellReport) -> TestCaseStatus {
    let mut status =
        if cell.required { TestCaseStatus::non_success(NonSuccessKind::Failure) } else { TestCaseStatus::skipped() };
    status.set_message(cell.reason.as_str());
    status
}

fn case(cell: &CellReport, scenario: &ScenarioReport, dir: &Path) -> TestCase {
    let status = match scenario.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed => {
            let error = cell.error(dir, scenario);
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(error.lines().next().unwrap_or_default());
            let bundle = scenario.bundle.as_ref().map(|bundle| format!("\n\nbundle: {}", bundle.display()));
            status.set_description(format!("{error}{}", bundle.unwrap_or_default()));
            status
        }
        Outcome::Unsupported => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("unsupported: {}", scenario.why.as_deref().unwrap_or_default()));
            status
        }
    };
    let mut case = named(cell, &scenario.name, status);
    case.set_time(Duration::from_millis(scenario.duration_ms));
    case
}

fn named(cell: &CellReport, scenario: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(scenario, status);
    let file = scenario.split("::").next().unwrap_or_default();
    case.set_classname(format!("{}.{file}", cell.slug()));
    case
}
