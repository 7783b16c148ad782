//! The table: systems down, scenarios across.

use std::collections::{BTreeMap, BTreeSet};

use super::{ABSENT, NOT_RUN, Sign, id, words};
use crate::report::verdict::time;
use crate::report::{CellReport, MatrixReport, Outcome};

/// The scenarios of one file.
pub(super) struct Group {
    pub file: String,
    pub columns: Vec<Column>,
}

/// A scenario.
pub(super) struct Column {
    pub name: String,
    pub words: String,
}

/// A system that can run.
pub(super) struct Row {
    pub slug: String,
    pub system: String,
    pub sum: String,
    pub fields: Vec<Field>,
}

/// A scenario on a system.
pub(super) struct Field {
    pub scenario: String,
    pub sign: Sign,
    pub time: String,
    /// The story; empty where there is none.
    pub id: String,
    /// The first of its file: a line is drawn before it.
    pub first: bool,
}

/// All scenarios that any system has, by file.
pub(super) fn groups(report: &MatrixReport) -> Vec<Group> {
    let names = |cell: &CellReport| -> Vec<String> {
        cell.scenarios.iter().map(|it| &it.name).chain(&cell.not_run).cloned().collect()
    };
    let all: BTreeSet<String> = report.cells.iter().flat_map(names).collect();
    let mut files: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for name in all {
        let file = name.split("::").next().unwrap_or_default().replace('_', " ");
        files.entry(file).or_default().push(Column { words: words(&name), name });
    }
    files.into_iter().map(|(file, columns)| Group { file, columns }).collect()
}

/// A row for each system that can run.
pub(super) fn rows(report: &MatrixReport, groups: &[Group]) -> Vec<Row> {
    report.cells.iter().filter(|cell| cell.available).map(|cell| row(cell, groups)).collect()
}

fn row(cell: &CellReport, groups: &[Group]) -> Row {
    let fields = groups.iter().flat_map(|group| {
        group.columns.iter().enumerate().map(|(at, column)| Field { first: at == 0, ..field(cell, &column.name) })
    });
    let sums = [
        (cell.count(Outcome::Passed), "passed"),
        (cell.count(Outcome::Failed), "failed"),
        (cell.count(Outcome::Unsupported), "unsupported"),
        (cell.not_run.len(), "not run"),
    ];
    let sums = sums.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}"));
    let sum = sums.collect::<Vec<_>>().join(", ");
    Row { slug: cell.slug(), system: cell.title(), sum, fields: fields.collect() }
}

fn field(cell: &CellReport, scenario: &str) -> Field {
    let field = |sign, time, id| Field { scenario: scenario.to_owned(), sign, time, id, first: false };
    match cell.scenarios.iter().find(|it| it.name == scenario) {
        Some(it) => field(it.outcome.into(), time(it.duration_ms), id(cell, scenario)),
        None if cell.not_run.iter().any(|name| name == scenario) => field(NOT_RUN, String::new(), String::new()),
        None => field(ABSENT, String::new(), String::new()),
    }
}
