//! Reading a story: for the report's page, for a person with the bundle.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{FILE, Kind, Record};
use crate::error::Result;
use crate::workspace::write_whole;

/// What stands before a line that goes on about the one above.
const INDENT: &str = "                  ";

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// When it began, from the start of the scenario on.
    pub at_ms: u64,
    /// What kind of thing.
    pub kind: Kind,
    /// What was done.
    pub text: String,
    /// How it ended; nothing if it had not, and for what was only said.
    pub ended: Option<Ended>,
    /// How often it was done in a row with the same end.
    pub times: usize,
}

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How long it took.
    pub took_ms: u64,
    /// Whether it went well.
    pub ok: bool,
    /// In a few words.
    pub result: String,
    /// What was printed.
    pub output: String,
}

/// The story in a bundle; empty if there is none. The last line of a killed process may be cut, and is left out.
#[must_use]
pub fn read(bundle: &Path) -> Vec<Told> {
    let text = std::fs::read_to_string(bundle.join(FILE)).unwrap_or_default();
    let mut told = BTreeMap::new();
    for record in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match record {
            Record::Began { n, at_ms, kind, text } => {
                told.insert(n, Told { at_ms, kind, text, ended: None, times: 1 });
            }
            Record::Ended { n, took_ms, ok, result, output } => {
                if let Some(told) = told.get_mut(&n) {
                    told.ended = Some(Ended { took_ms, ok, result, output });
                }
            }
        }
    }
    together(told.into_values())
}

/// What is repeated until something changes is told once, with the last answer.
fn together(all: impl Iterator<Item = Told>) -> Vec<Told> {
    let mut short: Vec<Told> = Vec::new();
    for it in all {
        let outcome = |told: &Told| told.ended.as_ref().map(|ended| (ended.ok, ended.result.clone()));
        match short.last_mut() {
            Some(last) if (last.kind, &last.text, outcome(last)) == (it.kind, &it.text, outcome(&it)) => {
                last.times += 1;
                if let (Some(sum), Some(ended)) = (&mut last.ended, it.ended) {
                    sum.took_ms += ended.took_ms;
                    sum.output = ended.output;
                }
            }
            _ => short.push(it),
        }
    }
    short
}

/// The story as a text: each act with its time, its end and what was printed.
#[must_use]
pub fn transcript(told: &[Told]) -> String {
    let mut text = String::new();
    for it in told {
        let seconds = |ms: u64| std::time::Duration::from_millis(ms).as_secs_f64();
        let mut words = it.text.lines();
        let first = words.next().unwrap_or_default();
        let _ = writeln!(text, "{:8.2} s  {:4}  {first}", seconds(it.at_ms), it.kind.word());
        for line in words {
            let _ = writeln!(text, "{INDENT}{line}");
        }
        let times = if it.times > 1 { format!(", {} times", it.times) } else { String::new() };
        match &it.ended {
            Some(ended) => {
                let _ = writeln!(text, "{INDENT}-> {} ({:.2} s{times})", ended.result, seconds(ended.took_ms));
                for line in ended.output.lines() {
                    let _ = writeln!(text, "{INDENT}| {line}");
                }
            }
            None if it.kind == Kind::Step => {}
            None => {
                let _ = writeln!(text, "{INDENT}-> not done when the story ends");
            }
        }
    }
    text
}

/// Leaves of the story what a scenario that passed is remembered by: what was said and waited for.
pub fn shorten(bundle: &Path) -> Result<()> {
    let path = bundle.join(FILE);
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let mut kept = Vec::new();
    let stays = |line: &&str| match serde_json::from_str(line) {
        Ok(Record::Began { n, kind, .. }) => {
            let stays = matches!(kind, Kind::Step | Kind::Wait | Kind::Git);
            kept.extend(stays.then_some(n));
            stays
        }
        Ok(Record::Ended { n, .. }) => kept.contains(&n),
        Err(_) => false,
    };
    let short: Vec<&str> = text.lines().filter(stays).collect();
    write_whole(&path, &(short.join("\n") + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = r#"{"n":0,"at_ms":5,"kind":"step","text":"start debian 12"}
{"n":1,"at_ms":800,"kind":"ssh","text":"cat /etc/os-release"}
{"n":2,"at_ms":900,"kind":"wait","text":"the page"}
{"n":1,"took_ms":20,"ok":true,"result":"status 0","output":"ID=debian\n"}
{"n":3,"at_ms":1000,"kind":"ssh","text":"curl app"}
{"n":3,"took_ms":10,"ok":false,"result":"status 7","output":"refused 1"}
{"n":4,"at_ms":1100,"kind":"ssh","text":"curl app"}
{"n":4,"took_ms":30,"ok":false,"result":"status 7","output":"refused 2"}
{"n":5,"at_ms":1200,"ki"#;

    fn bundle() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), STORY).unwrap();
        dir
    }

    #[test]
    fn a_story_is_told_in_order_with_its_ends_and_repetitions_once() {
        insta::assert_snapshot!(transcript(&read(bundle().path())), @r"
            0.01 s  step  start debian 12
            0.80 s  ssh   cat /etc/os-release
                          -> status 0 (0.02 s)
                          | ID=debian
            0.90 s  wait  the page
                          -> not done when the story ends
            1.00 s  ssh   curl app
                          -> status 7 (0.04 s, 2 times)
                          | refused 2
        ");
    }

    #[test]
    fn of_a_scenario_that_passed_only_steps_and_waits_stay() {
        let dir = bundle();
        shorten(dir.path()).unwrap();
        let texts: Vec<String> = read(dir.path()).into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["start debian 12", "the page"]);
        shorten(&dir.path().join("nowhere")).unwrap();
    }
}
