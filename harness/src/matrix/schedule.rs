//! In which order cells are prepared and scenarios run, and when the run ends early.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::cells::Cell;
use super::durations::Durations;
use super::scenarios::{Case, Work};
use crate::error::{Error, Result};
use crate::report::{Outcome, ScenarioReport, Stopped};

/// How many cells are prepared at a time: a base is fetched while another unpacks, which keeps network and disk busy.
const PREPARING: usize = 2;

/// Something that a person who watches wants to know.
pub enum Event<'a> {
    /// The images of a cell are being made.
    Preparing(&'a Cell),
    /// They are there: its scenarios wait for a place.
    Prepared(&'a Cell),
    /// They could not be made.
    NoImage(&'a Cell, &'a Error),
    /// A scenario begins.
    Begun(&'a Cell),
    /// A scenario ended.
    Ended(&'a Cell, &'a ScenarioReport),
}

/// What is done with cells and scenarios when their turn comes.
pub(super) trait Worker {
    /// Makes what all scenarios of a cell need.
    async fn prepare(&self, work: &Work) -> Result<()>;
    /// Runs one scenario.
    async fn perform(&self, cell: &Cell, case: &Case) -> ScenarioReport;
    /// Reports a scenario of a cell that could not be prepared.
    fn without_image(&self, cell: &Cell, case: &Case, why: &Error) -> ScenarioReport;
}

/// What is to be done, and how.
pub(super) struct Schedule<'a> {
    pub work: &'a [Work],
    /// How many places there are; preparing a cell takes one, too.
    pub jobs: usize,
    pub durations: &'a Durations,
    /// Whether the first failure ends the run.
    pub fail_fast: bool,
    pub on_event: &'a (dyn Fn(&Event<'_>) + Sync),
}

/// What came of it: the reports of each piece of work, and why others are missing.
#[derive(Debug)]
pub(super) struct Ended {
    pub reports: Vec<Vec<ScenarioReport>>,
    pub stopped: Option<Stopped>,
}

/// A scenario that waits for a place: the longest comes first, of several alike that of the first cell.
type Ready = (u64, Reverse<usize>, Reverse<usize>);

impl Schedule<'_> {
    /// Does the work, until all is done or something stops it: what runs then is dropped where it is.
    pub async fn run(&self, worker: &impl Worker, stop: impl Future<Output = ()>) -> Ended {
        let mut ended = Ended { reports: self.work.iter().map(|_| Vec::new()).collect(), stopped: None };
        let mut waiting: VecDeque<usize> = (0..self.work.len()).filter(|at| self.runs(*at)).collect();
        let mut ready: BinaryHeap<Ready> = BinaryHeap::new();
        let (mut preparing, mut running) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut stop = pin!(stop);
        loop {
            while preparing.len() + running.len() < self.jobs {
                // cells first: their scenarios are what all other places wait for
                if let Some(at) = (preparing.len() < PREPARING).then(|| waiting.pop_front()).flatten() {
                    preparing.push(self.prepare(worker, at));
                } else if let Some((_, Reverse(at), Reverse(case))) = ready.pop() {
                    running.push(self.perform(worker, at, case));
                } else {
                    break;
                }
            }
            if preparing.is_empty() && running.is_empty() {
                return ended;
            }
            let (at, new) = tokio::select! {
                biased;
                () = &mut stop => {
                    ended.stopped = Some(Stopped::Interrupted);
                    return ended;
                }
                Some((at, report)) = running.next() => (at, vec![report]),
                Some((at, prepared)) = preparing.next() => match prepared {
                    Ok(()) => {
                        ready.extend(self.ready(at));
                        continue;
                    }
                    Err(error) => (at, self.without_image(worker, at, &error)),
                },
            };
            let failed = new.iter().any(|report| report.outcome == Outcome::Failed);
            ended.reports[at].extend(new);
            if failed && self.fail_fast {
                ended.stopped = Some(Stopped::FailFast);
                return ended;
            }
        }
    }

    fn runs(&self, at: usize) -> bool {
        self.work[at].cell.is_available() && !self.work[at].cases.is_empty()
    }

    fn ready(&self, at: usize) -> impl Iterator<Item = Ready> {
        let cases = self.work[at].cases.iter().enumerate();
        cases.map(move |(case, it)| (self.durations.of(&it.scenario), Reverse(at), Reverse(case)))
    }

    async fn prepare(&self, worker: &impl Worker, at: usize) -> (usize, Result<()>) {
        let work = &self.work[at];
        (self.on_event)(&Event::Preparing(&work.cell));
        let prepared = worker.prepare(work).await;
        if prepared.is_ok() {
            (self.on_event)(&Event::Prepared(&work.cell));
        }
        (at, prepared)
    }

    async fn perform(&self, worker: &impl Worker, at: usize, case: usize) -> (usize, ScenarioReport) {
        let Work { cell, cases, .. } = &self.work[at];
        (self.on_event)(&Event::Begun(cell));
        let report = worker.perform(cell, &cases[case]).await;
        (self.on_event)(&Event::Ended(cell, &report));
        (at, report)
    }

    fn without_image(&self, worker: &impl Worker, at: usize, error: &Error) -> Vec<ScenarioReport> {
        let Work { cell, cases, .. } = &self.work[at];
        (self.on_event)(&Event::NoImage(cell, error));
        cases.iter().map(|case| worker.without_image(cell, case, error)).collect()
    }
}

#[cfg(test)]
mod tests;
