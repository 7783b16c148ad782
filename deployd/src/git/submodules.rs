//! Submodules: fetched with all that are in them, with the same key, relative to the project's own address.

use std::path::Path;
use std::time::Duration;

use super::process::{GitError, git};
use crate::settings::DataDir;

/// Makes the submodules of the work tree exactly what its commit says.
pub(super) async fn update(data: &DataDir, dir: &Path, remote: &str, deadline: Duration) -> Result<(), GitError> {
    if !dir.join(".gitmodules").exists() {
        return Ok(());
    }
    // relative addresses are relative to this one
    let origin = format!("remote.origin.url={remote}");
    // git lets a submodule come from this machine only where the project does, too
    let local = if is_local(remote) { "always" } else { "user" };
    let files = format!("protocol.file.allow={local}");
    let submodule = async |words: &[&str]| {
        let words = [&["-c", &origin, "-c", &files, "submodule", "--quiet"], words].concat();
        git(data, dir, deadline, &words).await
    };
    let update = ["update", "--init", "--recursive", "--force"];
    submodule(&["sync", "--recursive"]).await?;
    let shallow = submodule(&[&update[..], &["--depth=1"]].concat()).await;
    if let Err(error) = shallow {
        if !needs_history(&error) {
            return Err(error);
        }
        tracing::info!("the git host gives only the heads of branches; fetching the submodules' history");
        submodule(&["deinit", "--all", "--force"]).await?;
        std::fs::remove_dir_all(dir.join(".git/modules")).map_err(GitError::Absent)?;
        submodule(&update).await?;
    }
    submodule(&["foreach", "--recursive", "git clean --quiet -ffdx"]).await?;
    Ok(())
}

/// Whether the submodule's commit is none that the git host gives without what came before it.
fn needs_history(error: &GitError) -> bool {
    let signs = ["unadvertised object", "not our ref", "Direct fetching of that commit failed"];
    matches!(error, GitError::Refused(said) if signs.iter().any(|sign| said.contains(sign)))
}

fn is_local(remote: &str) -> bool {
    remote.starts_with('/') || remote.starts_with("file://")
}
