//! What a scenario left in its folder, as the report shows it: why it failed, its story, the files of its bundle.

use std::path::{Path, PathBuf};

use super::{CellReport, ScenarioReport, scenario_folder};
use crate::artifacts::{FAILURE, LOOKS, OUTPUT, TRANSCRIPT};
use crate::redact::strike_out;
use crate::story::{self, Told};

/// How much of a file the page shows, in bytes: its beginning, and its end, which mostly matters more.
const SHOWN: (usize, usize) = (3 << 10, 13 << 10);
/// How many lines of an error are shown where there is little room.
const LINES: usize = 40;
/// What is said where nothing was left.
const NOTHING: &str = "it left no bundle: it was not begun, or its images could not be made; see what the run printed";

/// What a scenario left.
pub(super) struct Evidence {
    /// Why it failed; empty if it passed.
    pub error: String,
    /// What was done.
    pub story: Vec<Told>,
    /// The files of the bundle, those that help most first.
    pub files: Vec<Piece>,
}

/// A file of a bundle, as much as fits on a page.
pub(super) struct Piece {
    pub name: String,
    /// Relative to the report.
    pub path: String,
    pub bytes: usize,
    pub head: String,
    /// Empty where the head is all of it.
    pub tail: String,
}

/// The folder of a scenario, relative to the report.
pub(super) fn folder(cell: &CellReport, scenario: &ScenarioReport) -> PathBuf {
    let usual = || scenario_folder(&cell.slug(), &scenario.name).into();
    scenario.bundle.clone().unwrap_or_else(usual)
}

impl CellReport {
    /// Why a scenario of this system failed, in its own words; `dir` is the report's folder.
    #[must_use]
    pub fn error(&self, dir: &Path, scenario: &ScenarioReport) -> String {
        let Some(bundle) = &scenario.bundle else { return NOTHING.to_owned() };
        let read = |file| std::fs::read_to_string(dir.join(bundle).join(file)).ok();
        let told = read(FAILURE).filter(|text| !text.trim().is_empty());
        let told = told.or_else(|| read(OUTPUT).map(|text| last_error(&text))).unwrap_or_default();
        let lines: Vec<&str> = told.trim().lines().take(LINES).collect();
        if lines.is_empty() {
            format!("{} says nothing", folder(self, scenario).display())
        } else {
            strike_out(&lines.join("\n"))
        }
    }
}

/// The last error that a test printed, or the last that it said at all.
fn last_error(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    match lines.iter().rposition(|line| line.starts_with("Error: ") || line.contains(" panicked at ")) {
        Some(at) => {
            let all = lines[at..].iter().take_while(|line| !line.starts_with("test ") && !line.is_empty());
            all.copied().collect::<Vec<_>>().join("\n")
        }
        None => lines.iter().rfind(|line| !line.trim().is_empty()).copied().unwrap_or_default().to_owned(),
    }
}

/// Everything that a scenario left; `whole` with the files of its bundle.
pub(super) fn read(dir: &Path, cell: &CellReport, scenario: &ScenarioReport, whole: bool) -> Evidence {
    let folder = folder(cell, scenario);
    let failed = scenario.bundle.is_some() || scenario.outcome == super::Outcome::Failed;
    Evidence {
        error: if failed { cell.error(dir, scenario) } else { String::new() },
        story: story::read(&dir.join(&folder)),
        files: if failed && whole { files(dir, &folder) } else { Vec::new() },
    }
}

/// The texts of a bundle: what was done, what was printed, then what the VPS looked like.
fn files(dir: &Path, folder: &Path) -> Vec<Piece> {
    let mut names: Vec<String> = std::fs::read_dir(dir.join(folder))
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.retain(|name| name != FAILURE && name != story::FILE);
    let first = [TRANSCRIPT, "ssh.txt"].into_iter().chain(LOOKS.iter().map(|(file, _)| *file)).chain([OUTPUT]);
    let order: Vec<&str> = first.collect();
    let place = |name: &String| order.iter().position(|it| it == name).unwrap_or(order.len());
    names.sort_by_key(|name| (place(name), name.clone()));
    names.into_iter().filter_map(|name| piece(dir, &folder.join(&name), name)).collect()
}

fn piece(dir: &Path, path: &Path, name: String) -> Option<Piece> {
    // a picture is no text, and an empty file no evidence
    let text = std::fs::read_to_string(dir.join(path)).ok().filter(|text| !text.trim().is_empty())?;
    let clean = strike_out(&text);
    let (head, tail) = ends(&clean);
    Some(Piece {
        name,
        path: path.display().to_string(),
        bytes: text.len(),
        head: head.to_owned(),
        tail: tail.to_owned(),
    })
}

/// The beginning and the end of a long text, in whole lines where it has any; all of a short one.
fn ends(text: &str) -> (&str, &str) {
    let (head, tail) = SHOWN;
    if text.len() <= head + tail {
        return (text, "");
    }
    let (head, tail) = (text.floor_char_boundary(head), text.ceil_char_boundary(text.len() - tail));
    let head = text[..head].rfind('\n').unwrap_or(head);
    let tail = text[tail..].find('\n').map_or(tail, |line| tail + line + 1);
    (&text[..head], &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_both_ends_are_shown_in_whole_lines() {
        assert_eq!(ends("short"), ("short", ""));
        let lines: Vec<String> = (0..4000).map(|number| format!("line {number} ä\n")).collect();
        let long = lines.concat();
        let (head, tail) = ends(&long);
        assert!(head.starts_with("line 0 ä\n") && head.ends_with(" ä") && head.len() <= SHOWN.0, "{head}");
        assert!(tail.starts_with("line ") && tail.ends_with("line 3999 ä\n") && tail.len() <= SHOWN.1, "{tail}");
    }

    #[test]
    fn without_a_failure_the_last_error_that_was_printed_is_told() {
        let printed =
            "==> start\nError: one\n==> more\nError: the second\n  of two lines\n\nfailures:\ntest result: FAILED";
        assert_eq!(last_error(printed), "Error: the second\n  of two lines");
        assert_eq!(last_error("not done after 900 s, killed\n"), "not done after 900 s, killed");
    }
}
