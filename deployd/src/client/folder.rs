//! The project folder: the nearest one upwards that holds a `project.toml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::settings::ClientSettings;
use crate::error::{Failure, Kind, Result};
use crate::files;
use crate::project_file::{NAME, ProjectFile};

/// A project folder and its settings.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    settings: ClientSettings,
}

impl Folder {
    /// The project that the present folder belongs to.
    pub(super) fn find() -> Result<Self> {
        let here = here()?;
        let dir = here.ancestors().find(|dir| dir.join(NAME).is_file()).ok_or_else(|| {
            let failure = Failure::new(Kind::Invalid, "find the project").saw(format!("no {NAME} here and none above"));
            failure.hint("deployd init makes one")
        })?;
        Self::open(dir)
    }

    /// The project in a folder.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        let text = files::read_if_there(&path)?.unwrap_or_default();
        let invalid = |saw: String| Failure::new(Kind::Invalid, format!("read {}", path.display())).saw(saw);
        let text = String::from_utf8(text).map_err(|error| invalid(error.to_string()))?;
        let settings = parse(&text).map_err(invalid)?;
        Ok(Self { dir: dir.to_owned(), settings })
    }

    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file that holds its settings.
    pub(super) fn file(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// What the file says to the client.
    pub(super) fn settings(&self) -> &ClientSettings {
        &self.settings
    }
}

/// The present folder.
pub(super) fn here() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| Failure::new(Kind::Internal, "find the present folder").saw(error))
}

/// Reads the whole file, so that a mistake in the daemon's part is found before it fails a deploy.
fn parse(text: &str) -> Result<ClientSettings, String> {
    #[derive(Deserialize)]
    struct Whole {
        #[serde(default)]
        client: ClientSettings,
    }
    ProjectFile::parse(text).map_err(|failure| failure.cause())?;
    let whole: Whole = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    whole.client.check()?;
    Ok(whole.client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_the_file_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        for (text, named) in [("prot = 1", "prot"), ("[client]\nbrunch = 'main'", "brunch"), ("port = ", "port")] {
            std::fs::write(dir.path().join(NAME), text).unwrap();
            let failure = Folder::open(dir.path()).unwrap_err();
            let told = failure.to_string();
            assert!(failure.kind() == Kind::Invalid && told.contains("project.toml") && told.contains(named), "{told}");
        }
        std::fs::write(dir.path().join(NAME), "port = 80\n[client]\nbranch = 'main'\n").unwrap();
        assert_eq!(Folder::open(dir.path()).unwrap().settings().branch.as_deref(), Some("main"));
    }
}
