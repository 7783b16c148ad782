//! How the process that runs a scenario gets to know what must not be in its bundle.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;
use walkdir::WalkDir;

use super::Secrets;
use crate::error::Result;
use crate::workspace::{file_error, write_whole};

/// Names the file that a process appends its secrets to.
const VARIABLE: &str = "TESTENV_SECRETS_FILE";

/// A file, for its owner's eyes only, that a child process writes its secrets to; gone when this is dropped.
#[derive(Debug)]
pub struct Handover(NamedTempFile);

impl Handover {
    /// Makes the file.
    pub fn new() -> Result<Self> {
        NamedTempFile::new().map(Self).map_err(|error| file_error(&std::env::temp_dir(), "make a file", &error))
    }

    /// The environment variable that tells the child process of it.
    #[must_use]
    pub fn variable(&self) -> (&'static str, &Path) {
        (VARIABLE, self.0.path())
    }

    /// Everything that the child process has learnt; it learnt some of it after it had written it down.
    pub fn secrets(&self) -> Result<Secrets> {
        let text = std::fs::read_to_string(self.0.path())
            .map_err(|error| file_error(self.0.path(), "read the secrets", &error))?;
        let values: Vec<String> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut secrets = Secrets::default();
        secrets.learn(values.iter().map(String::as_str));
        Ok(secrets)
    }
}

/// Tells the process that waits for a hand-over, if there is one.
pub(super) fn tell(value: &str) {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let line = format!("{}\n", serde_json::Value::from(value));
    // one write of a line: several threads may do so at once
    let written = OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        tracing::warn!("a secret is not handed over: {error}");
    }
}

impl Secrets {
    /// Strikes them out of every file in a folder; a picture is left alone.
    pub fn clean(&self, folder: &Path) -> Result<()> {
        let files = WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
        for path in files.map(walkdir::DirEntry::into_path) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let clean = self.strike_out(&text);
            if clean != text {
                write_whole(&path, &clean)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_learns_late_is_struck_out_of_what_it_wrote_before() {
        let (handover, bundle) = (Handover::new().unwrap(), tempfile::tempdir().unwrap());
        // as a scenario does: a value with a quote and a line feed is one line all the same
        let line = format!("{}\n", serde_json::Value::from("late \"secret\"\nof two lines"));
        std::fs::write(handover.variable().1, line).unwrap();
        std::fs::create_dir(bundle.path().join("deeper")).unwrap();
        let (file, picture) = (bundle.path().join("deeper/journal.txt"), bundle.path().join("page.png"));
        std::fs::write(&file, "begin late \"secret\"\nof two lines end").unwrap();
        std::fs::write(&picture, [0x89, 0x50, 0xff]).unwrap();
        handover.secrets().unwrap().clean(bundle.path()).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "begin [struck out] end");
        assert_eq!(std::fs::read(picture).unwrap(), [0x89, 0x50, 0xff]);
        let path = handover.variable().1.to_owned();
        drop(handover);
        assert!(!path.exists());
    }
}
