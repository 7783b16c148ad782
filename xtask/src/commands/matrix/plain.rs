//! What is told of a run in lines.

use harness::matrix::{Event, Plan};
use harness::report::{Outcome, ScenarioReport};

/// What is about to be done.
pub fn heading(plan: &Plan) -> String {
    let running = plan.work.iter().filter(|it| it.cell.is_available());
    let scenarios: usize = running.clone().map(|it| it.cases.len()).sum();
    format!("{scenarios} scenarios on {} of {} systems, {}", running.count(), plan.work.len(), plan.width)
}

/// What is worth a line or two.
pub fn lines(event: &Event<'_>) -> Vec<String> {
    match event {
        Event::Ended(cell, report) => ended(&cell.slug(), report),
        Event::NoImage(cell, error) => vec![format!("{}  {}  {error}", word(Outcome::Failed), cell.slug())],
        Event::Preparing(_) | Event::Prepared(_) | Event::Begun(_) => Vec::new(),
    }
}

/// How a scenario ended, and where its bundle is if it left one.
pub fn ended(cell: &str, report: &ScenarioReport) -> Vec<String> {
    let line = format!("{}  {cell}  {} ({} s)", word(report.outcome), report.name, report.duration_ms / 1000);
    let line = report.why.iter().fold(line, |line, why| format!("{line}: {why}"));
    let bundle = report.bundle.iter().map(|bundle| format!("        {}", bundle.display()));
    std::iter::once(line).chain(bundle).collect()
}

pub fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "FAILED",
        Outcome::Unsupported => "unsupported",
    }
}
