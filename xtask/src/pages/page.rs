//! The text of a scenario's page, and of the page that lists them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use harness::matrix::Durations;
use harness::matrix::mutants::{Mutant, MutantList};

use super::source::{Behaviour, Source};

/// Names that sentences write in their own way.
const NAMES: [(&str, &str); 5] =
    [("vps", "VPS"), ("vpses", "VPSes"), ("ssh", "SSH"), ("https", "HTTPS"), ("mariadb", "MariaDB")];
/// Stands where nothing is.
const NONE: &str = "none";

/// What is known of scenarios beside their source.
pub struct Known {
    pub durations: Durations,
    pub mutants: MutantList,
}

impl Known {
    fn of(&self, scenario: &str) -> impl Iterator<Item = &Mutant> {
        self.mutants.all().iter().filter(move |mutant| mutant.scenario == scenario)
    }

    /// The numbered assertions that a scenario proves.
    fn assertions(&self, scenario: &str) -> Vec<(u8, &str)> {
        let mut numbers: Vec<u8> = self.of(scenario).filter_map(|mutant| mutant.assertion).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().filter_map(|number| Some((number, self.mutants.assertion(number)?))).collect()
    }

    fn seconds(&self, scenario: &str) -> u64 {
        self.durations.of(scenario).div_ceil(1000)
    }
}

/// The page of a scenario.
pub fn of(behaviour: &Behaviour, source: &Source, known: &Known) -> String {
    let name = name(behaviour, source);
    let mut text = format!("# {}\n\n{}\n", sentence(&source.function), behaviour.about);
    if !source.about.is_empty() {
        let _ = write!(text, "\n{}\n", source.about);
    }
    text.push_str("\n## What it proves\n\n");
    for (number, assertion) in known.assertions(&name) {
        let _ = writeln!(text, "- {number}. {assertion}");
    }
    if known.assertions(&name).is_empty() {
        let _ = writeln!(text, "- {}.", sentence(&source.function));
    }
    let list = |of: &BTreeSet<String>| {
        if of.is_empty() { NONE.to_owned() } else { of.iter().cloned().collect::<Vec<_>>().join(", ") }
    };
    let projects = source.projects.iter().map(|name| format!("[{name}](../../../projects/{name})")).collect();
    let _ = write!(
        text,
        "\n| | |\n|---|---|\n\
         | faults | {} |\n\
         | fixtures | {} |\n\
         | takes | about {} s on a quiet machine |\n\
         | source | [{file}.rs](../../{file}.rs) |\n",
        list(&source.faults),
        list(&projects),
        known.seconds(&name),
        file = behaviour.file,
    );
    let _ = write!(text, "\n```console\n$ cargo xtask matrix --os debian:12 --scenario {name}\n```\n");
    text.push_str("\n## Defects that it notices\n\n");
    for mutant in known.of(&name) {
        let _ = writeln!(text, "- `{}`: {}", mutant.name, mutant.why);
    }
    text
}

/// The page that lists them.
pub fn index(behaviours: &[Behaviour], known: &Known) -> String {
    let mut text = "# What a deploy tool must survive\n\n\
                    A page per scenario, written by `cargo xtask pages` from the scenarios' sources, their mutants and \
                    their measured durations.\n"
        .to_owned();
    for behaviour in behaviours {
        let _ = write!(text, "\n## {}\n\n{}\n\n", behaviour.file, behaviour.about);
        text.push_str("| scenario | assertions | faults | seconds |\n|---|---|---|---:|\n");
        for source in &behaviour.scenarios {
            let name = name(behaviour, source);
            let numbers: Vec<String> = known.assertions(&name).iter().map(|(number, _)| number.to_string()).collect();
            let _ = writeln!(
                text,
                "| [{}]({}/{}.md) | {} | {} | {} |",
                sentence(&source.function),
                behaviour.file,
                source.function,
                numbers.join(", "),
                source.faults.iter().cloned().collect::<Vec<_>>().join(", "),
                known.seconds(&name),
            );
        }
    }
    text
}

fn name(behaviour: &Behaviour, source: &Source) -> String {
    format!("{}::{}", behaviour.file, source.function)
}

/// A function's name as the sentence that it is.
fn sentence(function: &str) -> String {
    let own =
        |word: &str| NAMES.iter().find(|(name, _)| *name == word).map_or(word, |(_, written)| *written).to_owned();
    let text = function.split('_').map(own).collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_name_is_a_sentence() {
        assert_eq!(sentence("a_vps_is_found_over_ssh"), "A VPS is found over SSH");
    }
}
