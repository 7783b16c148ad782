//! Making room: removing what can be made again, and leaving what people froze and what is in use.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::REPOSITORY;
use super::recipe::Progress;
use super::stock::LOCK;
use crate::Engine;
use crate::error::{Error, Failure, Result};
use crate::lease::{FOLDER, MachineDir, WORKSPACE};
use crate::vps::prune_snapshots;

/// Removes the images of this tool, the built-in snapshots among them, the folders of snapshots that no VPS has, and the
/// package cache, unless the stock runs with it. Snapshots that people named stay, as long as their workspace is there.
pub async fn prune(engine: &Engine, machine: &MachineDir, progress: Progress<'_>) -> Result<()> {
    let (mut kept, mut folders) = (0, HashSet::new());
    for image in engine.images(&format!("{REPOSITORY}/*")).await? {
        if is_somebodys(&image.labels) {
            kept += 1;
            folders.extend(image.labels.get(FOLDER).map(PathBuf::from));
            continue;
        }
        for tag in image.tags {
            engine.remove_image(&tag).await?;
            progress(&format!("removed {tag}"));
        }
    }
    for folder in prune_snapshots(engine, machine, &folders).await? {
        progress(&format!("removed {}", folder.display()));
    }
    if kept > 0 {
        progress(&format!("left snapshots that people named ({kept}): `snapshots --remove NAME` removes one"));
    }
    prune_packages(engine, machine, progress).await
}

/// Whether an image is the snapshot of a workspace that is still there.
fn is_somebodys(labels: &HashMap<String, String>) -> bool {
    labels.get(WORKSPACE).is_some_and(|workspace| !workspace.is_empty() && Path::new(workspace).is_dir())
}

async fn prune_packages(engine: &Engine, machine: &MachineDir, progress: Progress<'_>) -> Result<()> {
    let packages = machine.packages();
    // under the lock no stock begins with it meanwhile
    let _exclusive = machine.lock(LOCK).await?;
    if engine.has_mounted(&packages.display().to_string()).await? {
        progress(&format!("left {}: VPSes or tests that run now use it", packages.display()));
        return Ok(());
    }
    match std::fs::remove_dir_all(&packages) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let failure = Failure::new(packages.display().to_string(), "remove the package cache").saw(error);
            Err(Error::File(failure))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshot_of_a_workspace_is_somebodys_until_that_is_gone_and_a_built_in_one_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let of = |workspace: &Path| HashMap::from([(WORKSPACE.to_owned(), workspace.display().to_string())]);
        assert!(is_somebodys(&of(folder.path())));
        assert!(!is_somebodys(&of(&folder.path().join("gone"))));
        assert!(!is_somebodys(&of(Path::new(""))) && !is_somebodys(&HashMap::new()));
    }
}
