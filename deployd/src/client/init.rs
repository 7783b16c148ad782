//! `deployd init`: makes a folder a project.

use toml_edit::value;

use super::edit;
use super::folder::{Folder, here};
use super::terminal::{line, say};
use crate::cli::words::Init;
use crate::error::Result;
use crate::files;
use crate::project_file::NAME;

/// What a new file begins with.
const HEADER: &str = "# How this project is built, served and deployed. Everything in here may be committed.\n";

/// Writes `project.toml`; keys that are there stay as they are.
pub(super) fn init(words: &Init) -> Result<()> {
    let dir = here()?;
    let path = dir.join(NAME);
    let before = files::read_if_there(&path)?;
    if before.is_some() {
        // a file that cannot be read must not be changed
        Folder::open(&dir)?;
    }
    let folder_name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    edit::edit(&path, |document| {
        if before.is_none() {
            document.decor_mut().set_prefix(HEADER);
        }
        if !document.contains_key("build_type") {
            document["build_type"] = value(words.build_type.word());
        }
        if let Some(port) = words.port {
            document["port"] = value(i64::from(port));
        }
        let has_name = document.get("client").and_then(|client| client.get("project")).is_some();
        match (&words.name, folder_name) {
            (Some(name), _) => edit::set(document, "project", name),
            (None, Some(name)) if !has_name => edit::set(document, "project", &name),
            _ => Ok(()),
        }
    })?;
    // what was written must be readable, too: a port of 0 is found here
    let folder = Folder::open(&dir)?;
    let done = match before {
        None => "made",
        before if before == files::read_if_there(&path)? => "nothing to change in",
        Some(_) => "changed",
    };
    line(&format!("{done} {}", path.display()))?;
    if folder.settings().remotes.is_empty() {
        say("next: deployd remote add production ADDRESS, then deployd remote init --image IMAGE");
    }
    Ok(())
}
