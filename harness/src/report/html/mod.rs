//! `index.html`: the run as one page for people, from the verdict over the failures to the cause of each.
//!
//! It needs nothing from outside and no script. Each field of the table has a word beside its colour, and leads to the story
//! behind it.

mod stories;
mod table;

use std::path::Path;

use askama::Template;

use self::stories::{Section, sections};
use self::table::{Group, Row, groups, rows};
use super::verdict::{count, time};
use super::{CellReport, MatrixReport, scenario_folder};
use crate::error::{Error, Failure, Result};

/// What the page is filled with.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    verdict: String,
    /// The whole run: `passed`, `failed`, or `unsupported` where the tool can do only a part.
    class: &'static str,
    mark: &'static str,
    wall: String,
    scope: String,
    failures: Vec<FailureLine>,
    unsupported: Vec<FailureLine>,
    missing: Vec<Away>,
    groups: Vec<Group>,
    rows: Vec<Row>,
    unavailable: Vec<Away>,
    sections: Vec<Section>,
}

/// A failure, or what the deploy tool cannot do, where the page begins.
struct FailureLine {
    system: String,
    scenario: String,
    error: String,
    id: String,
}

/// A system that cannot run.
struct Away {
    slug: String,
    system: String,
    reason: String,
}

/// The report, whose bundles are in `dir`.
pub(super) fn render(report: &MatrixReport, dir: &Path) -> Result<String> {
    let groups = groups(report);
    let away = |cell: &CellReport| Away { slug: cell.slug(), system: cell.title(), reason: cell.reason.clone() };
    let failures = report.failures().map(|(cell, scenario)| FailureLine {
        system: cell.title(),
        scenario: scenario.name.clone(),
        error: cell.error(dir, scenario).lines().take(3).collect::<Vec<_>>().join("\n"),
        id: id(cell, &scenario.name),
    });
    let unsupported = report.unsupported().map(|(cell, scenario)| FailureLine {
        system: cell.title(),
        scenario: scenario.name.clone(),
        error: scenario.why.clone().unwrap_or_default(),
        id: id(cell, &scenario.name),
    });
    let whole = match (report.all_passed(), report.nothing_failed()) {
        (true, _) => PASSED,
        (false, true) => UNSUPPORTED,
        _ => FAILED,
    };
    let totals = report.totals;
    let page = Page {
        verdict: report.verdict(),
        class: whole.class,
        mark: whole.mark,
        wall: time(report.wall_ms),
        scope: format!("{} asked for, {} cannot run here", count(totals.cells, "system"), totals.unavailable),
        failures: failures.collect(),
        unsupported: unsupported.collect(),
        missing: report.missing().map(away).collect(),
        rows: rows(report, &groups),
        groups,
        unavailable: report.cells.iter().filter(|cell| !cell.available).map(away).collect(),
        sections: sections(report, dir),
    };
    page.render().map_err(|error| Error::File(Failure::new("index.html", "write").saw(error)))
}

/// Where a scenario's story is on the page.
fn id(cell: &CellReport, scenario: &str) -> String {
    scenario_folder(&cell.slug(), scenario)
}

/// A scenario's own words, without its file.
fn words(scenario: &str) -> String {
    scenario.split_once("::").map_or(scenario, |(_, name)| name).replace('_', " ")
}

/// How a scenario ended, as the page shows it: a class, a mark and a word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sign {
    class: &'static str,
    mark: &'static str,
    word: &'static str,
}

const PASSED: Sign = Sign { class: "passed", mark: "✓", word: "passed" };
const FAILED: Sign = Sign { class: "failed", mark: "✗", word: "failed" };
const UNSUPPORTED: Sign = Sign { class: "unsupported", mark: "◇", word: "unsupported" };
const NOT_RUN: Sign = Sign { class: "not-run", mark: "○", word: "not run" };
const ABSENT: Sign = Sign { class: "absent", mark: "–", word: "none" };

impl From<super::Outcome> for Sign {
    fn from(outcome: super::Outcome) -> Self {
        match outcome {
            super::Outcome::Passed => PASSED,
            super::Outcome::Failed => FAILED,
            super::Outcome::Unsupported => UNSUPPORTED,
        }
    }
}
