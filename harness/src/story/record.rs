//! Writing the story down.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

use super::{FILE, Kind, Record};
use crate::artifacts::bundle_dir;
use crate::redact::strike_out;
use crate::wait::millis_since;

/// How much of a command's output is kept, in bytes: the end, which says how it went.
const OUTPUT: usize = 4 << 10;
/// How much of a text is kept.
const TEXT: usize = 2 << 10;

/// The story of this process, which runs one scenario; nothing where no bundle is asked for.
static STORY: LazyLock<Option<Story>> = LazyLock::new(|| bundle_dir().and_then(|dir| Story::open(&dir)));

struct Story {
    file: Mutex<File>,
    start: Instant,
    next: AtomicU64,
    ended: AtomicBool,
}

/// Something under way. Without an end the story tells that it was not done yet.
#[must_use]
pub struct Act(Option<(u64, Instant)>);

/// Something that was said.
pub fn step(text: &str) {
    let _ = STORY.as_ref().and_then(|story| story.begin(Kind::Step, text));
}

/// Something begins; the text is made only where a story is written.
pub fn begin(kind: Kind, text: impl FnOnce() -> String) -> Act {
    Act(STORY.as_ref().and_then(|story| story.begin(kind, &text())))
}

/// The story is over: what is looked at for the bundle is no part of it.
pub fn end() {
    if let Some(story) = &*STORY {
        story.ended.store(true, Ordering::Relaxed);
    }
}

impl Act {
    /// It went well, or not, with this result and what was printed.
    pub fn end(self, ok: bool, result: impl FnOnce() -> String, output: &[&[u8]]) {
        let (Some(story), Some((n, since))) = (&*STORY, self.0) else { return };
        let output = output.iter().map(|bytes| String::from_utf8_lossy(last(bytes))).collect::<String>();
        let (result, output) = (shown(&result()), strike_out(&output));
        story.write(&Record::Ended { n, took_ms: millis_since(since), ok, result, output });
    }
}

impl Story {
    fn open(dir: &Path) -> Option<Self> {
        let open = || {
            std::fs::create_dir_all(dir)?;
            File::options().create(true).append(true).open(dir.join(FILE))
        };
        match open() {
            Ok(file) => {
                let (next, ended) = (AtomicU64::new(0), AtomicBool::new(false));
                Some(Self { file: Mutex::new(file), start: Instant::now(), next, ended })
            }
            Err(error) => {
                tracing::warn!("no story: {}: {error}", dir.display());
                None
            }
        }
    }

    fn begin(&self, kind: Kind, text: &str) -> Option<(u64, Instant)> {
        if self.ended.load(Ordering::Relaxed) {
            return None;
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.write(&Record::Began { n, at_ms: millis_since(self.start), kind, text: shown(text) });
        Some((n, Instant::now()))
    }

    fn write(&self, record: &Record) {
        let Ok(line) = serde_json::to_string(record) else { return };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // a full disk is noticed by the scenario itself
        let _ = file.write_all((line + "\n").as_bytes());
    }
}

/// A text without secrets, not too long; cut after they are struck out, so that no half of one is left.
fn shown(text: &str) -> String {
    let clean = strike_out(text);
    match clean.char_indices().find(|(at, _)| *at >= TEXT) {
        Some((at, _)) => format!("{} ...", &clean[..at]),
        None => clean,
    }
}

/// The end of an output, from the beginning of a line on: half a line may be half a secret.
fn last(bytes: &[u8]) -> &[u8] {
    let Some(from) = bytes.len().checked_sub(OUTPUT) else { return bytes };
    let rest = &bytes[from..];
    rest.iter().position(|byte| *byte == b'\n').map_or(&[], |line| &rest[line + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_begins_with_a_line() {
        assert_eq!(last(b"all of it"), b"all of it");
        let long = "0123456789abcde\n".repeat(1000);
        let end = last(long.as_bytes());
        assert!(end.len() < OUTPUT && end.starts_with(b"0123"), "{} bytes", end.len());
        assert!(last(&[b'x'; OUTPUT + 1]).is_empty(), "half a line");
    }

    #[test]
    fn a_killed_process_leaves_what_it_did_until_then() {
        let dir = tempfile::tempdir().unwrap();
        let story = Story::open(dir.path()).unwrap();
        story.begin(Kind::Step, "start debian 12").unwrap();
        story.begin(Kind::Ssh, "docker pull https://ann:pa55word@registry/app").unwrap();
        // nothing is closed: the file is as a kill leaves it
        let told = super::super::read(dir.path());
        assert_eq!(told.len(), 2);
        assert_eq!(told[1].text, "docker pull https://ann:[struck out]@registry/app");
        assert!(told[1].ended.is_none());
        story.ended.store(true, Ordering::Relaxed);
        assert!(story.begin(Kind::Ssh, "journalctl").is_none());
    }
}
