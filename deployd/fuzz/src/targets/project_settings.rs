//! `project.toml` of a repository that anyone may have written.

use deployd::ProjectFile;

pub(super) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(file) = ProjectFile::parse(text) else { return };
    // what is accepted is what the daemon relies on
    assert!(file.port != Some(0) && file.container_port != Some(0), "{file:?}");
    assert!(file.health.path.starts_with('/') && !file.health.path.contains(['\r', '\n', ' ']), "{file:?}");
    assert!(!file.health.timeout().is_zero(), "{file:?}");
}
