//! The rows of the table: ratios to the plain tools, and figures that stand for themselves.

use std::time::Duration;

use serde::Serialize;

use crate::commands::common::say;

/// One row; the JSON tells the two kinds apart by their fields.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Row {
    /// A time of ours against one of the plain tools.
    Ratio(Measured),
    /// An amount.
    Figure(Figure),
}

/// A time of ours against one of the plain tools.
#[derive(Debug, Serialize)]
pub struct Measured {
    what: String,
    against: &'static str,
    /// The most that the ratio should be.
    goal: f64,
    ratio: f64,
    ours_ms: u128,
    plain_ms: u128,
}

/// An amount, and below which it should be.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub what: &'static str,
    pub value: f64,
    pub unit: &'static str,
    pub goal: Option<f64>,
}

/// What two sides are asked, in turns.
pub struct Comparison {
    pub what: String,
    pub against: &'static str,
    pub goal: f64,
    /// How often each side runs; the median counts.
    pub rounds: usize,
}

impl Comparison {
    /// Runs both sides in turns, so that whatever slows the machine meanwhile slows both.
    pub async fn run(
        self,
        mut ours: impl AsyncFnMut() -> anyhow::Result<Duration>,
        mut plain: impl AsyncFnMut() -> anyhow::Result<Duration>,
    ) -> anyhow::Result<Row> {
        let (mut our_times, mut plain_times) = (Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            say(&format!("{}, round {round} of {}", self.what, self.rounds));
            our_times.push(ours().await?);
            plain_times.push(plain().await?);
        }
        let (ours, plain) = (median(our_times), median(plain_times));
        Ok(Row::Ratio(Measured {
            what: self.what,
            against: self.against,
            goal: self.goal,
            ratio: ours.as_secs_f64() / plain.as_secs_f64(),
            ours_ms: ours.as_millis(),
            plain_ms: plain.as_millis(),
        }))
    }
}

/// The one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Row {
    /// The row's cells under WHAT, AGAINST, RESULT, GOAL, OURS, PLAIN.
    pub fn cells(&self) -> [String; 6] {
        match self {
            Self::Ratio(it) => [
                it.what.clone(),
                it.against.to_owned(),
                format!("{:.2}", it.ratio),
                format!("<= {}", it.goal),
                format!("{} ms", it.ours_ms),
                format!("{} ms", it.plain_ms),
            ],
            Self::Figure(it) => [
                it.what.to_owned(),
                String::new(),
                format!("{:.1} {}", it.value, it.unit),
                it.goal.map_or_else(String::new, |goal| format!("< {goal} {}", it.unit)),
                String::new(),
                String::new(),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_median_of_each_side_counts() {
        let (mut ours, mut plain) = ([30, 10, 20].into_iter(), [40, 400, 4].into_iter());
        let next = |times: &mut std::array::IntoIter<u64, 3>| Ok(Duration::from_millis(times.next().unwrap()));
        let comparison = Comparison { what: "a".into(), against: "b", goal: 1.0, rounds: 3 };
        let row = comparison.run(async || next(&mut ours), async || next(&mut plain)).await.unwrap();
        let fields = json!({"what": "a", "against": "b", "goal": 1.0, "ratio": 0.5, "ours_ms": 20, "plain_ms": 40});
        assert_eq!(serde_json::to_value(row).unwrap(), fields);
    }

    #[test]
    fn a_figure_has_a_unit() {
        let row = Row::Figure(Figure { what: "memory", value: 12.34, unit: "MB", goal: Some(20.0) });
        assert_eq!(row.cells().map(|cell| cell.trim().to_owned()), ["memory", "", "12.3 MB", "< 20 MB", "", ""]);
        let fields = json!({"what": "memory", "value": 12.34, "unit": "MB", "goal": 20.0});
        assert_eq!(serde_json::to_value(row).unwrap(), fields);
    }
}
