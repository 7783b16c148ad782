//! The list of mutants: parses it, and says what is wrong with it before anything is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Failure, Result};
use crate::matrix::filters::{is_selected, unknown_filter};

/// Where the list is, in the workspace.
pub const LIST: &str = "scenarios/mutants.toml";
/// What a mutant may change: the programs are built of it, or a scenario is given a copy of it.
const CHANGED: [&str; 4] = ["deployd/", "harness/src/", "vps-images/", FIXTURES];
/// The fixtures: nothing is built of them.
const FIXTURES: &str = "projects/";
/// What the daemon alone is made of; after any other change the scenarios are built, too.
const DAEMON: &str = "deployd/src/";

/// The assertions, and the defects that they must notice.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MutantList {
    /// What is asserted, by number.
    assertions: BTreeMap<String, String>,
    #[serde(rename = "mutant")]
    mutants: Vec<Mutant>,
}

/// A deliberate defect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Its name, such as `replay-is-accepted`.
    pub name: String,
    /// The number of the assertion that it breaks, where that has one.
    pub assertion: Option<u8>,
    /// The scenario that must fail, `file::function`.
    pub scenario: String,
    /// The file that is changed.
    pub file: String,
    /// What is replaced; it stands in the file exactly once.
    pub find: String,
    /// What takes its place.
    pub replace: String,
    /// What the failure of the scenario must say, so that a failure for another reason does not count.
    pub expect: String,
    /// What breaks by it.
    pub why: String,
}

impl Mutant {
    /// Whether the scenarios' test binary has the defect in it, too.
    #[must_use]
    pub fn is_in_the_scenarios(&self) -> bool {
        !self.file.starts_with(DAEMON) && !self.is_in_a_fixture()
    }

    /// Whether the defect is in a fixture, which scenarios read while they run.
    #[must_use]
    pub fn is_in_a_fixture(&self) -> bool {
        self.file.starts_with(FIXTURES)
    }

    /// The text of its file with the defect.
    pub fn applied(&self, text: &str) -> Result<String> {
        let faulty = |saw: String| Err(Error::File(Failure::new(LIST, format!("make {}", self.name)).saw(saw)));
        match text.matches(&self.find).count() {
            1 if self.find != self.replace => Ok(text.replacen(&self.find, &self.replace, 1)),
            1 => faulty("find and replace are the same".to_owned()),
            count => faulty(format!("{} holds {count} times, not once: {}", self.file, self.find)),
        }
    }

    fn check(&self, root: &Path, assertions: &BTreeMap<String, String>) -> Result<()> {
        let faulty = |saw: String| Err(Error::File(Failure::new(LIST, format!("read {}", self.name)).saw(saw)));
        let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(is_kebab) {
            return faulty("a name has small letters, digits and hyphens".to_owned());
        }
        if let Some(number) = self.assertion.filter(|number| !assertions.contains_key(&number.to_string())) {
            return faulty(format!("there is no assertion {number}"));
        }
        if [&self.expect, &self.why].iter().any(|text| text.trim().is_empty() || text.contains('\n')) {
            return faulty("expect and why are one line each".to_owned());
        }
        if !CHANGED.iter().any(|folder| self.file.starts_with(folder)) {
            return faulty(format!("{} is not under {}", self.file, CHANGED.join(", ")));
        }
        match std::fs::read_to_string(root.join(&self.file)) {
            Ok(text) => self.applied(&text).map(|_| ()),
            Err(error) => faulty(format!("{}: {error}", self.file)),
        }
    }
}

impl MutantList {
    /// Reads the list of the workspace in `root`, and checks it against the files that are there.
    pub fn read(root: &Path) -> Result<Self> {
        let failed = |saw: String| Error::File(Failure::new(LIST, "read the mutants").saw(saw));
        let text = std::fs::read_to_string(root.join(LIST)).map_err(|error| failed(error.to_string()))?;
        let list: Self = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let mut names = BTreeSet::new();
        for mutant in &list.mutants {
            mutant.check(root, &list.assertions)?;
            if !names.insert(&mutant.name) {
                return Err(failed(format!("there are two called {}", mutant.name)));
            }
        }
        Ok(list)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Mutant] {
        &self.mutants
    }

    /// What the assertion of a number says.
    #[must_use]
    pub fn assertion(&self, number: u8) -> Option<&str> {
        self.assertions.get(&number.to_string()).map(String::as_str)
    }

    /// The mutants whose name, or whose scenario's name, holds one of `filters`, all of them without any; an error with the
    /// names if there is none for one of them.
    pub fn select(&self, filters: &[String]) -> Result<Vec<Mutant>> {
        let names: Vec<&str> = self.mutants.iter().flat_map(|it| [it.name.as_str(), it.scenario.as_str()]).collect();
        if let Some(filter) = unknown_filter(filters, &names) {
            let names: Vec<String> = self.mutants.iter().map(|it| format!("{} ({})", it.name, it.scenario)).collect();
            let failure = Failure::new(filter, "find a mutant that is called so, or its scenario");
            return Err(Error::Name(failure.saw(format!("valid:\n{}", names.join("\n")))));
        }
        let mutants = self.mutants.iter().filter(|it| is_selected(filters, &[&it.name, &it.scenario]));
        Ok(mutants.cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    /// The scenarios as `file::function`, read from their sources: their test binary needs an engine's leave to be built.
    fn scenarios() -> BTreeSet<String> {
        let files = std::fs::read_dir(root().join("scenarios")).unwrap().map(|entry| entry.unwrap().path());
        let mut names = BTreeSet::new();
        for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for after in text.split("#[apply(every_system)]").skip(1) {
                let function = after.split("async fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap();
                names.insert(format!("{}::{function}", file.file_stem().unwrap().display()));
            }
        }
        names
    }

    #[test]
    fn each_scenario_and_each_assertion_has_a_mutant_and_no_other_is_named() {
        let list = MutantList::read(root()).unwrap();
        let tried: BTreeSet<String> = list.mutants.iter().map(|mutant| mutant.scenario.clone()).collect();
        assert_eq!(tried, scenarios(), "left: what {LIST} names; right: the scenarios");
        let broken: BTreeSet<u8> = list.mutants.iter().filter_map(|mutant| mutant.assertion).collect();
        let numbers: BTreeSet<u8> = list.assertions.keys().map(|number| number.parse().unwrap()).collect();
        assert_eq!(broken, numbers, "left: what the mutants break; right: the assertions");
        assert!((5..=36).all(|number| numbers.contains(&number)), "{numbers:?}");
    }

    fn mutant() -> Mutant {
        Mutant {
            name: "a-mutant".into(),
            assertion: None,
            scenario: "a::scenario".into(),
            file: "harness/src/lib.rs".into(),
            find: "#![warn(missing_docs)]".into(),
            replace: String::new(),
            expect: "words".into(),
            why: "a reason".into(),
        }
    }

    #[test]
    fn what_is_wrong_with_a_mutant_is_told() {
        let (assertions, good) = (BTreeMap::from([("5".to_owned(), "x".to_owned())]), mutant());
        good.check(root(), &assertions).unwrap();
        let told = |mutant: Mutant| mutant.check(root(), &assertions).unwrap_err().to_string();
        for (faulty, expected) in [
            (Mutant { name: "A mutant".into(), ..good.clone() }, "small letters"),
            (Mutant { assertion: Some(6), ..good.clone() }, "no assertion 6"),
            (Mutant { expect: " ".into(), ..good.clone() }, "expect and why"),
            (Mutant { file: "scenarios/x".into(), ..good.clone() }, "is not under deployd/"),
            (Mutant { file: "deployd/src/nowhere.rs".into(), ..good.clone() }, "nowhere.rs"),
            (Mutant { find: "pub mod".into(), ..good.clone() }, "times, not once"),
            (Mutant { replace: good.find.clone(), ..good.clone() }, "the same"),
        ] {
            let told = told(faulty);
            assert!(told.contains(expected) && told.contains(LIST), "{told}");
        }
    }

    #[test]
    fn mutants_are_selected_by_their_name_and_by_their_scenarios() {
        let list = MutantList { assertions: BTreeMap::new(), mutants: vec![mutant()] };
        assert_eq!(list.select(&[]).unwrap(), [mutant()]);
        for filter in ["a-mut", "a::sc"] {
            assert_eq!(list.select(&[filter.to_owned()]).unwrap(), [mutant()]);
        }
        let told = list.select(&["a-mut".to_owned(), "nothing".to_owned()]).unwrap_err().to_string();
        assert!(told.contains("a-mutant (a::scenario)"), "{told}");
    }
}
