//! The list of points: parses `vps-images/likeness.toml`, checks it, and says which points a VPS is held to.

use std::collections::BTreeSet;

use regex::Regex;
use serde::Deserialize;

use crate::catalog::{Catalog, Init, System};
use crate::error::{Error, Failure, Result};

/// Where the list is, in the workspace.
pub(super) const LIST: &str = "vps-images/likeness.toml";
/// How long a point may take that says nothing of it: less than the 25 s that a login or sudo hangs when logind or a name
/// does not answer.
const SECONDS: u32 = 20;
/// The words for a VPS that is not of its engine's own architecture, and for one that is.
const ARCHITECTURES: [&str; 2] = ["native", "emulated"];

/// Every point.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LikenessList {
    #[serde(rename = "point")]
    points: Vec<Point>,
}

/// One thing that a server has or does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// What it is called, such as `sudo-needs-no-password`; unique.
    pub name: String,
    /// What a server has, in a sentence.
    pub says: String,
    /// The command for `sh` that asks for it; what it prints, on both streams, is the answer.
    pub run: String,
    /// Who asks.
    #[serde(default)]
    pub login: Login,
    /// A pattern for the whole answer of a real server, without the white space around it.
    pub real: String,
    /// Where a VPS is known to answer otherwise.
    pub known: Option<KnownDifference>,
    /// It is asked only where all of these words are true: `systemd` or `sshd`, `apt` or `rpm`, `native` or `emulated`, an os, or
    /// an os and its version, as in `debian-12`.
    #[serde(default)]
    pub only: Vec<String>,
    /// It is not asked where one of these words is true.
    #[serde(default)]
    pub except: Vec<String>,
    /// How many seconds it may take.
    #[serde(default = "seconds")]
    pub seconds: u32,
}

/// How a VPS answers where it cannot be mended.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDifference {
    /// A pattern for the whole answer of a VPS.
    pub here: String,
    /// What the README says of it, in the same words.
    pub readme: String,
}

/// Who logs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Login {
    /// `root`
    #[default]
    Root,
    /// The user whom a provider's image of the system has beside root.
    User,
}

fn seconds() -> u32 {
    SECONDS
}

impl LikenessList {
    /// The list that this library was built with.
    pub fn built_in() -> Result<Self> {
        Self::parse(include_str!("../../../vps-images/likeness.toml"))
    }

    /// Reads a list, and checks it; the error names the point that is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let failed = |saw: String| Error::File(Failure::new(LIST, "read the points").saw(saw));
        let list: Self = toml::from_str(text).map_err(|error| failed(error.to_string()))?;
        let words = words();
        let mut names = BTreeSet::new();
        for point in &list.points {
            point.check(&words).map_err(|saw| failed(format!("{}: {saw}", point.name)))?;
            if !names.insert(point.name.as_str()) {
                return Err(failed(format!("there are two called {}", point.name)));
            }
        }
        Ok(list)
    }

    /// Every point, in the order in which they are asked.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The points that a VPS of this system is held to, with its names in the place of `{user}` and the like.
    #[must_use]
    pub fn points_of(&self, system: &System, init: Init, native: bool) -> Vec<Point> {
        let words = [
            init.to_string(),
            system.family.to_string(),
            ARCHITECTURES[usize::from(!native)].to_owned(),
            system.os.clone(),
            system.slug(),
        ];
        let asked = |point: &&Point| {
            point.only.iter().all(|word| words.contains(word)) && !point.except.iter().any(|word| words.contains(word))
        };
        self.points.iter().filter(asked).map(|point| point.of(system)).collect()
    }
}

/// Every word that `only` and `except` may hold.
fn words() -> BTreeSet<String> {
    let catalog = Catalog::built_in();
    let systems = catalog.systems().iter().flat_map(|it| [it.os.clone(), it.slug(), it.family.to_string()]);
    let inits = Init::ALL.iter().map(ToString::to_string);
    systems.chain(inits).chain(ARCHITECTURES.map(str::to_owned)).collect()
}

/// A pattern that holds for the whole of an answer.
pub(super) fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

impl Point {
    fn check(&self, words: &BTreeSet<String>) -> Result<(), String> {
        let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(is_kebab) {
            return Err("a name has small letters, digits and hyphens".to_owned());
        }
        if [&self.says, &self.run].iter().any(|text| text.trim().is_empty()) || self.says.contains('\n') {
            return Err("says is one line, and run is not empty".to_owned());
        }
        // as it is asked of one system or another: a name in braces is no pattern
        for system in Catalog::built_in().systems() {
            let point = self.of(system);
            for pattern in [Some(&point.real), point.known.as_ref().map(|it| &it.here)].into_iter().flatten() {
                whole(pattern).map_err(|error| error.to_string())?;
            }
        }
        match self.only.iter().chain(&self.except).find(|word| !words.contains(*word)) {
            Some(word) => Err(format!("no VPS is `{word}`; valid: {words:?}")),
            None => Ok(()),
        }
    }

    /// The point with a system's names.
    fn of(&self, system: &System) -> Self {
        let named = |text: &str, quoted: bool| {
            let put = |name: &str| if quoted { regex::escape(name) } else { name.to_owned() };
            text.replace("{user}", &put(&system.user))
                .replace("{admin_group}", &put(&system.admin_group))
                .replace("{os}", &put(&system.os))
                .replace("{version}", &put(&system.version))
                .replace("{ssh}", &put(&system.units.ssh))
        };
        let known = self.known.as_ref();
        Self {
            run: named(&self.run, false),
            real: named(&self.real, true),
            known: known.map(|it| KnownDifference { here: named(&it.here, true), ..it.clone() }),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text with one space where it has any white space.
    fn flat(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_list_has_sixty_points_and_the_readme_every_known_difference() {
        let list = LikenessList::built_in().unwrap();
        assert!(list.points().len() >= 60, "{}", list.points().len());
        let readme = flat(include_str!("../../../README.md"));
        for point in list.points() {
            if let Some(known) = &point.known {
                assert!(readme.contains(&flat(&known.readme)), "{}: the README lacks: {}", point.name, known.readme);
                assert!(!known.readme.trim().is_empty(), "{}", point.name);
            }
        }
    }

    #[test]
    fn each_system_is_held_to_most_of_the_list() {
        let list = LikenessList::built_in().unwrap();
        for system in Catalog::built_in().systems() {
            for (init, least) in [(Init::Systemd, 60), (Init::Sshd, 40)] {
                let count = list.points_of(system, init, true).len();
                assert!(count >= least || !system.init.contains(&init), "{system} with {init}: {count} points");
            }
        }
    }

    fn parsed(more: &str) -> Result<LikenessList> {
        LikenessList::parse(&format!(
            "[[point]]\nname = 'a'\nsays = 's'\nrun = 'id {{user}}'\nreal = '{{user}}\\d{{2}}'\n{more}"
        ))
    }

    #[test]
    fn a_point_is_asked_where_its_words_are_true_and_with_the_names_of_the_system() {
        let catalog = Catalog::built_in();
        let debian = catalog.find("debian", "12").unwrap();
        let asked = |more: &str| parsed(more).unwrap().points_of(debian, Init::Systemd, true);
        let [point] = &asked("")[..] else { panic!("one point") };
        assert_eq!((point.run.as_str(), point.real.as_str()), ("id debian", r"debian\d{2}"));
        assert_eq!((point.login, point.seconds), (Login::Root, 20));
        for (more, count) in [
            ("only = ['systemd', 'apt', 'native']", 1),
            ("only = ['systemd', 'rpm']", 0),
            ("only = ['debian-12']", 1),
            ("except = ['emulated', 'sshd']", 1),
            ("except = ['debian']", 0),
        ] {
            assert_eq!(asked(more).len(), count, "{more}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_list_is_told() {
        for (more, expected) in [
            ("only = ['debian-5']", "no VPS is `debian-5`"),
            ("unknown = 1", "unknown field"),
            ("known = { here = '(', readme = 'r' }", "a: regex"),
            ("known = { here = 'x', readme = 'r', why = 'w' }", "unknown field"),
            ("[[point]]\nname = 'a'\nsays = 's'\nrun = 'r'\nreal = ''", "two called a"),
            ("[[point]]\nname = 'B'\nsays = 's'\nrun = 'r'\nreal = ''", "small letters"),
        ] {
            let told = parsed(more).unwrap_err().to_string();
            assert!(told.contains(expected) && told.contains(LIST), "{more}: {told}");
        }
    }
}
