//! One part of a matrix that several machines share: every scenario of every cell is in exactly one part.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use super::durations::Durations;
use super::scenarios::{Case, Work};

/// `2/5`: the second of five parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    number: usize,
    of: usize,
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err(format!("{text:?} is not PART/PARTS, such as 2/5 for the second of five")),
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Partition {
    /// What this part has of the work. Every machine with the same catalog, scenarios and durations divides alike: what a
    /// machine itself can run has no say in it.
    #[must_use]
    pub fn take(self, work: &[Work], durations: &Durations) -> Vec<Work> {
        let cost = |case: &Case| durations.of(&case.scenario);
        let mut parts = divide(work, self.of, &cost, durations.prepare());
        let chosen = parts.swap_remove(self.number - 1).pieces;
        let of_cell = |(at, it): (usize, &Work)| {
            let is_mine = |case: &&Case| chosen.iter().any(|piece| piece.cell == at && piece.cases.contains(case));
            let cases: Vec<Case> = it.cases.iter().filter(is_mine).cloned().collect();
            (!cases.is_empty()).then(|| Work { cases, ..it.clone() })
        };
        work.iter().enumerate().filter_map(of_cell).collect()
    }
}

/// Scenarios of one cell that stay together.
#[derive(Clone)]
struct Piece<'a> {
    cell: usize,
    cases: Vec<&'a Case>,
    cost: u64,
}

/// What one machine gets.
#[derive(Clone, Default)]
struct Part<'a> {
    pieces: Vec<Piece<'a>>,
    cost: u64,
}

impl Part<'_> {
    /// What it would cost with one more piece: the images of a cell are made once.
    fn with(&self, piece: &Piece<'_>, prepare: u64) -> u64 {
        let images = if self.pieces.iter().any(|mine| mine.cell == piece.cell) { 0 } else { prepare };
        self.cost + piece.cost + images
    }
}

/// Cuts cells into as few pieces as let the longest part end early: each piece costs its cell's images once more.
fn divide<'a>(work: &'a [Work], of: usize, cost: &dyn Fn(&Case) -> u64, prepare: u64) -> Vec<Part<'a>> {
    let tries = (1..=of).map(|cuts| {
        let pieces = work.iter().enumerate().flat_map(|(at, it)| cut(at, &it.cases, cuts, cost));
        spread(pieces.collect(), of, prepare)
    });
    // of several that are alike, the first: it cuts least
    tries.min_by_key(|parts| parts.iter().map(|part| part.cost).max()).unwrap_or_default()
}

/// A cell's scenarios in pieces of about one length.
fn cut<'a>(cell: usize, cases: &'a [Case], into: usize, cost: &dyn Fn(&Case) -> u64) -> Vec<Piece<'a>> {
    let single = |case| Piece { cell, cases: vec![case], cost: cost(case) };
    let parts = spread(cases.iter().map(single).collect(), into.min(cases.len()), 0);
    let joined = |part: Part<'a>| Piece {
        cell,
        cost: part.cost,
        cases: part.pieces.into_iter().flat_map(|piece| piece.cases).collect(),
    };
    parts.into_iter().map(joined).collect()
}

/// Gives each piece, the longest first, to whoever would have least with it.
fn spread(mut pieces: Vec<Piece<'_>>, among: usize, prepare: u64) -> Vec<Part<'_>> {
    // the sort is stable: pieces of one length stay in the catalog's order
    pieces.sort_by_key(|piece| Reverse(piece.cost));
    let mut parts = vec![Part::default(); among];
    for piece in pieces {
        if let Some(part) = parts.iter_mut().min_by_key(|part| part.with(&piece, prepare)) {
            part.cost = part.with(&piece, prepare);
            part.pieces.push(piece);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::scenarios::tests::work;
    use super::*;

    fn durations(scenarios: &[(String, u64)]) -> Durations {
        let times: Vec<String> = scenarios.iter().map(|(name, time)| format!("\"{name}\" = {time}")).collect();
        let times = times.join("\n");
        toml::from_str(&format!("prepare_ms = 60\n[scenario_ms]\n{times}")).unwrap()
    }

    /// Every pair of a cell and a scenario, by name.
    fn pairs(work: &[Work]) -> Vec<(String, String)> {
        let of =
            |it: &Work| -> Vec<_> { it.cases.iter().map(|case| (it.cell.slug(), case.scenario.clone())).collect() };
        work.iter().flat_map(of).collect()
    }

    #[test]
    fn every_pair_is_in_exactly_one_part_whatever_the_numbers_are() {
        for (cells, scenarios, of) in (1..6).flat_map(|a| (1..9).flat_map(move |b| (1..12).map(move |c| (a, b, c)))) {
            let names: Vec<(String, u64)> =
                (0..scenarios).map(|at| (format!("s::{at}"), (at * 37 + cells * 11) % 23)).collect();
            let all = work(usize::try_from(cells).unwrap(), names.iter().map(|(name, _)| name.as_str()));
            let durations = durations(&names);
            let parts: Vec<_> = (1..=of).map(|number| Partition { number, of }.take(&all, &durations)).collect();
            let told: Vec<_> = parts.iter().flat_map(|part| pairs(part)).collect();
            let distinct: BTreeSet<_> = told.iter().cloned().collect();
            assert_eq!(distinct.len(), told.len(), "{cells} cells, {scenarios} scenarios, {of} parts");
            assert_eq!(distinct, pairs(&all).into_iter().collect(), "{cells} cells, {scenarios} scenarios, {of} parts");
        }
    }

    #[test]
    fn cells_stay_whole_unless_a_cut_ends_earlier() {
        let names = ["a", "b", "c", "d"].map(|name| (name.to_owned(), 100));
        let (all, durations) = (work(4, ["a", "b", "c", "d"]), durations(&names));
        let cells_of = |number, of| -> Vec<(String, usize)> {
            let part = Partition { number, of }.take(&all, &durations);
            part.iter().map(|it| (it.cell.slug(), it.cases.len())).collect()
        };
        assert_eq!(cells_of(1, 2).iter().map(|(_, cases)| *cases).collect::<Vec<_>>(), [4, 4]);
        assert!((1..=8).all(|number| cells_of(number, 8).iter().map(|(_, cases)| cases).sum::<usize>() == 2));
    }

    #[test]
    fn the_longest_scenario_is_alone_where_the_others_together_are_shorter() {
        let names = [("long", 500), ("a", 10), ("b", 10), ("c", 10)].map(|(name, time)| (name.to_owned(), time));
        let all = work(1, ["a", "long", "b", "c"]);
        let parts: Vec<_> =
            (1..=2).map(|number| pairs(&Partition { number, of: 2 }.take(&all, &durations(&names)))).collect();
        assert!(parts.iter().any(|part| part.len() == 1 && part[0].1 == "long"), "{parts:?}");
    }

    #[test]
    fn a_part_is_written_as_a_fraction() {
        assert_eq!("2/5".parse::<Partition>().unwrap().to_string(), "2/5");
        for wrong in ["", "2", "0/5", "6/5", "0/0", "a/b", "1/2/3", "-1/2"] {
            let error = wrong.parse::<Partition>().unwrap_err();
            assert!(error.contains("2/5"), "{error}");
        }
    }
}
