//! `summary.md`: what a CI shows beside the run.

use std::fmt::Write as _;
use std::path::Path;

use super::verdict::{count, time};
use super::{CellReport, MatrixReport, Outcome};

/// How many failures are told; a summary has a limit of its own, and the page has them all.
const FAILURES: usize = 50;
/// How much of an error's first line.
const LINE: usize = 300;

/// The report, whose bundles are in `dir`.
pub(super) fn render(report: &MatrixReport, dir: &Path) -> String {
    let mark = match (report.all_passed(), report.nothing_failed()) {
        (true, _) => "✅",
        (false, true) => "🔶",
        _ => "❌",
    };
    let mut text = format!("{mark} **{}** in {}\n", report.verdict(), time(report.wall_ms));
    let (available, unavailable): (Vec<_>, Vec<_>) = report.cells.iter().partition(|cell| cell.available);
    if !available.is_empty() {
        // deployd can do everything: the column is for the tools of others
        let (head, line) = if report.deployer.is_some() { (" unsupported |", "---:|") } else { ("", "") };
        let _ = writeln!(text, "\n| system | result | passed | failed |{head} not run | time |");
        let _ = writeln!(text, "|---|---|---:|---:|{line}---:|---:|");
        for cell in available {
            row(&mut text, cell, report.deployer.is_some());
        }
    }
    failures(&mut text, report, dir);
    unsupported(&mut text, report);
    for cell in report.missing() {
        let _ =
            writeln!(text, "\n❌ **{}** is required and cannot run: {}", escape(&cell.title()), escape(&cell.reason));
    }
    if !unavailable.is_empty() {
        let _ =
            writeln!(text, "\n<details><summary>{} cannot run here</summary>\n", count(unavailable.len(), "system"));
        for cell in unavailable {
            let _ = writeln!(text, "- **{}**: {}", escape(&cell.title()), escape(&cell.reason));
        }
        text.push_str("\n</details>\n");
    }
    text
}

fn row(text: &mut String, cell: &CellReport, by_others: bool) {
    let (passed, failed, not_run) = (cell.count(Outcome::Passed), cell.count(Outcome::Failed), cell.not_run.len());
    let unsupported = cell.count(Outcome::Unsupported);
    let result = match (failed, not_run, unsupported) {
        (0, 0, 0) => "✅ passed",
        (0, 0, _) => "🔶 passed in part",
        (0, ..) => "⚪ not all run",
        _ => "❌ failed",
    };
    let unsupported = if by_others { format!(" {unsupported} |") } else { String::new() };
    let spent = time(cell.scenarios.iter().map(|it| it.duration_ms).sum());
    let _ = writeln!(
        text,
        "| {} | {result} | {passed} | {failed} |{unsupported} {not_run} | {spent} |",
        escape(&cell.title())
    );
}

fn failures(text: &mut String, report: &MatrixReport, dir: &Path) {
    let failed = || report.failures();
    if failed().next().is_some() {
        text.push_str("\n### Failures\n\n");
    }
    for (cell, scenario) in failed().take(FAILURES) {
        let error = cell.error(dir, scenario);
        let first: String = error.lines().next().unwrap_or_default().chars().take(LINE).collect();
        let _ = writeln!(text, "- **{}** {}: {}", escape(&cell.title()), escape(&scenario.name), escape(&first));
        if let Some(bundle) = &scenario.bundle {
            let _ = writeln!(text, "  <br>bundle: {}", escape(&bundle.display().to_string()));
        }
    }
    if let more @ 1.. = failed().count().saturating_sub(FAILURES) {
        let _ = writeln!(text, "- and {more} more: see index.html of the report");
    }
}

/// What the deploy tool cannot do, and why; no failure, and not passed either.
fn unsupported(text: &mut String, report: &MatrixReport) {
    if report.totals.unsupported > 0 {
        text.push_str("\n### Unsupported\n\n");
    }
    for (cell, scenario) in report.unsupported() {
        let why = escape(scenario.why.as_deref().unwrap_or_default());
        let _ = writeln!(text, "- **{}** {}: {why}", escape(&cell.title()), escape(&scenario.name));
    }
}

/// A text that stays one: no table, no code, no link, no element begins in it.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\n' | '\r' => safe.push(' '),
            // as its number, because some readers take a backslash in a table for itself
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '~' | '@' => {
                let _ = write!(safe, "&#{};", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_markup() {
        assert_eq!(
            escape("a | `b` <script>\n@team [x](y) & c_d"),
            "a &#124; &#96;b&#96; &lt;script&gt; &#64;team &#91;x&#93;(y) &amp; c&#95;d"
        );
    }
}
