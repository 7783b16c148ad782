//! The fixtures in `projects`: where they are, and what their pages tell.

use std::path::{Path, PathBuf};

use harness::matrix::mutants::PROJECTS_VARIABLE;
use harness::project::Project;

/// A fixture project by name.
pub fn project(name: &str) -> anyhow::Result<Project> {
    Ok(Project::open(&fixture(name))?)
}

/// A file or folder below `projects`; a mutant's are elsewhere.
pub fn fixture(path: &str) -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../projects");
    std::env::var_os(PROJECTS_VARIABLE).map_or_else(own, PathBuf::from).join(path)
}

/// The commit that a fixture's page tells in its first line.
pub fn commit_of(page: &str) -> String {
    page.lines().next().and_then(|line| line.strip_prefix("commit ")).unwrap_or(page).to_owned()
}
