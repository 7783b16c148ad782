//! The stories: behind each field of the table what was done, when, and what was left.

use std::path::Path;

use super::{NOT_RUN, Sign, id, words};
use crate::report::evidence::{self, Piece};
use crate::report::verdict::{count, time};
use crate::report::{CellReport, MatrixReport, Outcome, ScenarioReport};
use crate::story::{Kind, Told};

/// How many failures come with the files of their bundles. When everything fails, the first ones tell why.
const WHOLE: usize = 40;
/// How many of the last acts stand right under the error.
const LAST: usize = 12;
/// How many acts are shown at all, the first and the last ones.
const ACTS: (usize, usize) = (100, 300);

/// A system with its stories.
pub(super) struct Section {
    pub slug: String,
    pub system: String,
    pub sum: String,
    pub base: String,
    pub stories: Vec<Story>,
}

/// A scenario on a system.
pub(super) struct Story {
    pub id: String,
    pub scenario: String,
    pub file: String,
    pub words: String,
    pub sign: Sign,
    pub time: String,
    pub error: String,
    /// Why the deploy tool cannot be asked for it.
    pub why: String,
    pub last: Vec<Act>,
    pub acts: Vec<Act>,
    /// How many acts were left out in the middle, and after which.
    pub left_out: usize,
    pub files: Vec<File>,
    /// Where the bundle is, relative to the report; empty without one.
    pub bundle: String,
}

/// Something that was done.
pub(super) struct Act {
    pub at: String,
    pub kind: &'static str,
    pub text: String,
    pub result: String,
    pub took: String,
    pub class: &'static str,
}

/// A file of the bundle.
pub(super) struct File {
    pub title: String,
    pub piece: Piece,
    pub size: String,
}

/// The stories of each system that can run, in the table's order.
pub(super) fn sections(report: &MatrixReport, dir: &Path) -> Vec<Section> {
    let mut whole = WHOLE;
    let available = report.cells.iter().filter(|cell| cell.available);
    available.map(|cell| section(cell, dir, &mut whole)).filter(|section| !section.stories.is_empty()).collect()
}

fn section(cell: &CellReport, dir: &Path, whole: &mut usize) -> Section {
    let mut stories: Vec<Story> = cell.scenarios.iter().map(|it| story(cell, it, dir, whole)).collect();
    stories.extend(cell.not_run.iter().map(|name| untold(cell, name, NOT_RUN)));
    let (passed, failed) = (cell.count(Outcome::Passed), cell.count(Outcome::Failed));
    let not_run = if cell.not_run.is_empty() { String::new() } else { format!(", {} not run", cell.not_run.len()) };
    let unsupported = match cell.count(Outcome::Unsupported) {
        0 => String::new(),
        number => format!(", {number} unsupported"),
    };
    let sum = format!("{passed} passed, {failed} failed{unsupported}{not_run}");
    Section { slug: cell.slug(), system: cell.title(), sum, base: cell.reason.clone(), stories }
}

/// A story of which only the end is known.
fn untold(cell: &CellReport, scenario: &str, sign: Sign) -> Story {
    Story {
        id: id(cell, scenario),
        scenario: scenario.to_owned(),
        file: scenario.split("::").next().unwrap_or_default().to_owned(),
        words: words(scenario),
        sign,
        time: String::new(),
        error: String::new(),
        why: String::new(),
        last: Vec::new(),
        acts: Vec::new(),
        left_out: 0,
        files: Vec::new(),
        bundle: String::new(),
    }
}

fn story(cell: &CellReport, scenario: &ScenarioReport, dir: &Path, whole: &mut usize) -> Story {
    let failed = scenario.outcome == Outcome::Failed;
    let told = evidence::read(dir, cell, scenario, failed && *whole > 0);
    *whole = whole.saturating_sub(usize::from(failed));
    let left_out = told.story.len().saturating_sub(ACTS.0 + ACTS.1);
    let shown = told.story.iter().enumerate().filter(|(at, _)| *at < ACTS.0 || *at >= ACTS.0 + left_out);
    let last = if failed { &told.story[told.story.len().saturating_sub(LAST)..] } else { &[] };
    Story {
        time: time(scenario.duration_ms),
        error: told.error,
        why: scenario.why.clone().unwrap_or_default(),
        last: last.iter().map(act).collect(),
        acts: shown.map(|(_, told)| act(told)).collect(),
        left_out,
        files: told.files.into_iter().map(file).collect(),
        bundle: scenario.bundle.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
        ..untold(cell, &scenario.name, scenario.outcome.into())
    }
}

fn act(told: &Told) -> Act {
    let times = if told.times > 1 { format!("{} times: ", told.times) } else { String::new() };
    let (result, took, class) = match &told.ended {
        Some(ended) => {
            let class = if ended.ok { "well" } else { "badly" };
            (format!("{times}{}", ended.result), time(ended.took_ms), class)
        }
        None if told.kind == Kind::Step => (String::new(), String::new(), "said"),
        None => ("not done when the story ends".to_owned(), String::new(), "badly"),
    };
    Act { at: time(told.at_ms), kind: told.kind.word(), text: told.text.clone(), result, took, class }
}

fn file(piece: Piece) -> File {
    let title = match piece.name.as_str() {
        "transcript.txt" => "Everything that was done: the SSH transcript with its output",
        "deployd.txt" => "Log of the deploy daemon",
        "containers.txt" => "Containers and images of the inner engine",
        "container-logs.txt" => "Logs of the inner engine's containers",
        "journal.txt" => "Journal",
        "network-rules.txt" => "Network rules",
        "network.txt" => "Network",
        "git-host.txt" => "Log of the git host",
        "deploys.json" => "Deploys, as the daemon remembers them",
        "status.json" => "Status, as the daemon tells it",
        "output.txt" => "Output of the scenario",
        "ssh.txt" => "Why SSH could not be used",
        "container.txt" => "The VPS's own container",
        "units.txt" => "Units of the init system",
        "processes.txt" => "Processes",
        "versions.txt" => "Versions",
        "vps.json" => "The VPS",
        "disk.txt" => "Disk",
        "memory.txt" => "Memory",
        "time.txt" => "Time",
        other => other,
    };
    let size = if piece.bytes < 2 << 10 { count(piece.bytes, "byte") } else { format!("{} KiB", piece.bytes >> 10) };
    File { title: title.to_owned(), size, piece }
}
