//! The table that lives in a terminal: a line for each cell, and what failed above it as it happens.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use harness::matrix::{Cell, Event, Work};
use harness::report::Outcome;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::plain;

/// How often the elapsed times are brought up to date.
const TICK: Duration = Duration::from_millis(500);

/// The table; until it begins and after it ended only its lines are shown.
#[derive(Default)]
pub struct Live {
    screen: MultiProgress,
    rows: Mutex<BTreeMap<String, Row>>,
}

/// A line of the table.
struct Row {
    line: ProgressBar,
    count: Count,
}

/// Where a cell is.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    preparing: bool,
    passed: usize,
    failed: usize,
    unsupported: usize,
    running: usize,
    /// All that it has.
    scenarios: usize,
}

impl Live {
    pub fn begin(&self, work: &[Work]) {
        let running = |it: &&Work| it.cell.is_available() && !it.cases.is_empty();
        let width = work.iter().filter(running).map(|it| it.cell.slug().len()).max().unwrap_or_default();
        for it in work.iter().filter(running) {
            let line = self.line(format!("{:width$}", it.cell.slug()));
            let count = Count { scenarios: it.cases.len(), ..Count::default() };
            line.set_message(count.to_string());
            self.rows().insert(it.cell.slug(), Row { line, count });
        }
        let others = work.len() - work.iter().filter(running).count();
        if others > 0 {
            self.line(format!("{others} more cannot run here")).tick();
        }
    }

    pub fn tell(&self, event: &Event<'_>) {
        let passed = matches!(event, Event::Ended(_, report) if report.outcome == Outcome::Passed);
        if !passed {
            for line in plain::lines(event) {
                self.say(&line);
            }
        }
        self.count(event);
    }

    pub fn say(&self, line: &str) {
        self.screen.suspend(|| crate::commands::say(line));
    }

    pub fn end(&self) {
        for row in std::mem::take(&mut *self.rows()).into_values() {
            row.line.finish_and_clear();
        }
        let _ = self.screen.clear();
    }

    fn count(&self, event: &Event<'_>) {
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(&cell(event).slug()) else { return };
        if matches!(event, Event::Preparing(_)) {
            // from here on its time counts
            row.line.reset_elapsed();
            row.line.enable_steady_tick(TICK);
        }
        row.count.take(event);
        if row.count.failed > 0 {
            row.line.set_style(style("{prefix}  {elapsed:>4}  {msg:.red}"));
        }
        row.line.set_message(row.count.to_string());
        if row.count.is_done() {
            row.line.abandon();
        }
    }

    fn line(&self, prefix: String) -> ProgressBar {
        let line = ProgressBar::no_length().with_style(style("{prefix}  {elapsed:>4}  {msg}")).with_prefix(prefix);
        self.screen.add(line)
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        // a line that was not shown is no reason to show none
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Preparing(_) => self.preparing = true,
            Event::Prepared(_) => self.preparing = false,
            Event::NoImage(..) => *self = Self { failed: self.scenarios, preparing: false, ..*self },
            Event::Begun(_) => self.running += 1,
            Event::Ended(_, report) => {
                self.running -= 1;
                match report.outcome {
                    Outcome::Passed => self.passed += 1,
                    Outcome::Failed => self.failed += 1,
                    Outcome::Unsupported => self.unsupported += 1,
                }
            }
        }
    }

    fn left(self) -> usize {
        self.scenarios - self.passed - self.failed - self.unsupported - self.running
    }

    fn is_done(self) -> bool {
        self.left() + self.running == 0
    }
}

/// `12 passed  1 FAILED  2 running  16 left`
impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.preparing {
            f.write_str("making its images  ")?;
        }
        let Self { passed, failed, unsupported, running, .. } = self;
        write!(f, "{passed:>3} passed  {failed:>3} FAILED  ")?;
        if *unsupported > 0 {
            write!(f, "{unsupported:>3} unsupported  ")?;
        }
        write!(f, "{running:>2} running  {:>3} left", self.left())
    }
}

fn cell<'a>(event: &Event<'a>) -> &'a Cell {
    match event {
        Event::Preparing(cell)
        | Event::Prepared(cell)
        | Event::NoImage(cell, _)
        | Event::Begun(cell)
        | Event::Ended(cell, _) => cell,
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
