//! What a continuous probe has seen.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How one request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was answered as the project says.
    Ok,
    /// Nobody took the connection, or it was cut before the answer was whole.
    Refused,
    /// There was no answer by the deadline.
    Timeout,
    /// The HTTP status was another one.
    WrongStatus,
    /// The body was another one.
    WrongBody,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Timeout => "timed out",
            Self::WrongStatus => "wrong status",
            Self::WrongBody => "wrong body",
        }
    }
}

/// The moment at which another version answered for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Since the start of the probe.
    pub at: Duration,
    /// The version.
    pub version: String,
}

/// What a continuous probe has seen.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many requests ended how.
    pub counts: BTreeMap<Outcome, u64>,
    /// The longest time between two good answers, or from the start to the first one.
    pub longest_gap: Duration,
    /// The versions in the order in which they were seen, the first one included.
    pub changes: Vec<Change>,
    /// The first bad outcomes, with what was seen.
    pub failures: Vec<String>,
    last_ok: Duration,
}

/// How many bad outcomes are told.
const FAILURES: usize = 10;

impl Report {
    /// How many requests ended.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many of them were not answered as the project says.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.total() - self.counts.get(&Outcome::Ok).copied().unwrap_or_default()
    }

    /// The versions that were seen, in order.
    #[must_use]
    pub fn versions(&self) -> Vec<&str> {
        self.changes.iter().map(|change| change.version.as_str()).collect()
    }

    /// Takes the end of a request that was `began` and ended `at` after the start of the probe.
    pub(super) fn take(&mut self, began: Duration, at: Duration, outcome: Outcome, seen: &str) {
        *self.counts.entry(outcome).or_default() += 1;
        if outcome == Outcome::Ok {
            self.longest_gap = self.longest_gap.max(at.saturating_sub(self.last_ok));
            self.last_ok = self.last_ok.max(at);
            // a request that was on its way at a change may be answered by the version before: that is no change back
            if self.changes.last().is_none_or(|last| last.version != seen && last.at <= began) {
                self.changes.push(Change { at, version: seen.to_owned() });
            }
        } else if self.failures.len() < FAILURES {
            let (began, at) = (began.as_secs_f64(), at.as_secs_f64());
            self.failures.push(format!("{began:.2} s to {at:.2} s: {}: {seen}", outcome.word()));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> =
            self.counts.iter().map(|(outcome, count)| format!("{count} {}", outcome.word())).collect();
        let gap = self.longest_gap.as_millis();
        write!(f, "{} requests: {}; longest gap {gap} ms", self.total(), counts.join(", "))?;
        for Change { at, version } in &self.changes {
            write!(f, "\n  {:.2} s: {version} answers", at.as_secs_f64())?;
        }
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_changes_and_failures_are_kept() {
        let ms = Duration::from_millis;
        let mut report = Report::default();
        report.take(ms(0), ms(10), Outcome::Ok, "one");
        report.take(ms(20), ms(30), Outcome::Refused, "connection refused");
        report.take(ms(40), ms(510), Outcome::Ok, "one");
        report.take(ms(60), ms(520), Outcome::Ok, "two");
        report.take(ms(515), ms(530), Outcome::Ok, "one");
        assert_eq!((report.total(), report.failed(), report.longest_gap), (5, 1, ms(500)));
        assert_eq!(report.versions(), ["one", "two"]);
        let told = report.to_string();
        assert!(told.starts_with("5 requests: 4 ok, 1 refused; longest gap 500 ms"), "{told}");
        assert!(told.contains("0.02 s to 0.03 s: refused: connection refused"), "{told}");
    }
}
