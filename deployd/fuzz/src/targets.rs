//! The targets, by name.

use std::sync::{Arc, OnceLock};

use deployd::auth::Tokens;
use deployd::store::Store;
use deployd::{DataDir, ProjectFile};

/// Something that reads what strangers send.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Reads an input; a panic is a finding.
    pub run: fn(&[u8]),
}

/// Every target. A new one is a line here and a folder in `corpus`.
pub const TARGETS: &[Target] =
    &[Target { name: "project_settings", run: project_settings }, Target { name: "tokens", run: tokens }];

/// A target by its name.
pub fn find(name: &str) -> Result<&'static Target, String> {
    TARGETS.iter().find(|target| target.name == name).ok_or_else(|| {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!("unknown target {name:?}; there are {}", known.join(", "))
    })
}

/// `project.toml` of a repository that anyone may have written.
fn project_settings(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(file) = ProjectFile::parse(text) else { return };
    // what is accepted is what the daemon relies on
    assert!(file.port != Some(0) && file.container_port != Some(0), "{file:?}");
    assert!(file.health.path.starts_with('/') && !file.health.path.contains(['\r', '\n', ' ']), "{file:?}");
    assert!(!file.health.timeout().is_zero(), "{file:?}");
}

/// The token of a request; no input can have been signed by a key that was just made.
fn tokens(input: &[u8]) {
    static TOKENS: OnceLock<Tokens> = OnceLock::new();
    let Ok(text) = std::str::from_utf8(input) else { return };
    let tokens = TOKENS.get_or_init(|| in_a_new_folder().expect("a folder for a store"));
    assert!(tokens.verify(text).is_err(), "a forged token is accepted");
    assert!(!tokens.end(text).is_ok_and(|ended| ended), "a forged token ends a session");
}

fn in_a_new_folder() -> Result<Tokens, Box<dyn std::error::Error>> {
    // the store keeps its file open: the folder may go
    let dir = tempfile::tempdir()?;
    let data = DataDir::new(dir.path());
    let store = Store::open(&data.database())?;
    Ok(Tokens::open(&data, Arc::new(store))?)
}
