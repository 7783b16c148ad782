//! What a git that failed or was killed leaves in the repository: locks, and the half of what it was to fetch.

use std::path::Path;

use super::process::{LOCAL, git};
use crate::settings::DataDir;

/// Whether a git was killed while it fetched: nobody else uses this repository, so what lies there is never anyone's.
pub(super) fn killed(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir.join(".git/objects/pack")) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("tmp_"))
}

/// Removes what was fetched and belongs to no commit that is there.
pub(super) async fn remove(data: &DataDir, dir: &Path) {
    if let Err(error) = git(data, dir, LOCAL, &["prune", "--expire=now"]).await {
        tracing::warn!(%error, "what a fetch left half done could not be removed");
    }
}

/// A killed git leaves locks behind; nobody else uses this repository, so they are never anyone's.
pub(super) fn remove_locks(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && entry.file_name() != "objects" {
            remove_locks(&path);
        } else if path.extension().is_some_and(|extension| extension == "lock") {
            tracing::info!(path = %path.display(), "removing the lock of a git that was killed");
            let _ = std::fs::remove_file(&path);
        }
    }
}
