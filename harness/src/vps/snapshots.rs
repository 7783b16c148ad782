//! The snapshots of a workspace: their names, finding them, removing them.

use serde::Serialize;

use super::request::{NAME_RULE, is_host_name};
use super::snapshot::{SNAPSHOT_REPOSITORY, Snapshot, reference, remove};
use crate::Engine;
use crate::error::{Error, Failure, Result};
use crate::lease::{NAME, WORKSPACE};
use crate::workspace::Workspace;

/// The name of the built-in snapshot: the system as a bootstrap of the deploy daemon leaves it, without anything that
/// belongs to one VPS alone.
pub const BOOTSTRAPPED: &str = "bootstrapped";

/// A snapshot as a person sees it.
#[derive(Debug, Clone, Serialize)]
pub struct SnapshotInfo {
    /// The name a person calls it by.
    pub name: String,
    /// What the frozen VPS was: `debian 12 on amd64`.
    pub system: String,
    /// The size of its root disk in bytes, what it shares with the system's image included; its engine's data come on top.
    pub size_bytes: i64,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

/// Checks what somebody wants to call a snapshot; the error says what a name may be.
pub fn snapshot_name(name: &str) -> Result<String, String> {
    if name == BOOTSTRAPPED {
        return Err(format!("{BOOTSTRAPPED} is the built-in snapshot; choose another name"));
    }
    if !is_host_name(name) {
        return Err(format!("{name:?} is not the name of a snapshot: {NAME_RULE}"));
    }
    Ok(name.to_owned())
}

/// A workspace's name of a snapshot, among those of all workspaces.
pub(super) fn own_key(workspace: &Workspace, name: &str) -> String {
    format!("{}.{name}", workspace.id())
}

impl Snapshot {
    /// The snapshots of a workspace, by name.
    pub async fn all(engine: &Engine, workspace: &Workspace) -> Result<Vec<SnapshotInfo>> {
        let mut found = Vec::new();
        for mut image in engine.images(SNAPSHOT_REPOSITORY).await? {
            let is_ours = image.labels.get(WORKSPACE).is_some_and(|it| *it == workspace.dir().display().to_string());
            let (name, reference) = (image.labels.remove(NAME), image.tags.first().cloned());
            let (true, Some(name), Some(reference)) = (is_ours, name, reference) else { continue };
            if let Some(snapshot) = Self::of_image(&name, reference, image.labels) {
                let (size_bytes, created) = (image.size_bytes, image.created);
                found.push(SnapshotInfo { name, system: snapshot.system, size_bytes, created });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The snapshot of a workspace that a person means; an error lists those that there are.
    pub async fn named(engine: &Engine, workspace: &Workspace, name: &str) -> Result<Self> {
        let image = reference(&own_key(workspace, name));
        let found = engine.image(&image).await?.and_then(|(_, labels)| Self::of_image(name, image, labels));
        if let Some(snapshot) = found {
            return Ok(snapshot);
        }
        let own = Self::all(engine, workspace).await?.into_iter().map(|snapshot| snapshot.name);
        let known: Vec<String> = own.chain([BOOTSTRAPPED.to_owned()]).collect();
        let failure = Failure::new(name, "find this snapshot").saw(format!("known: {}", known.join(", ")));
        Err(Error::Name(failure.hint("cargo xtask snapshot NAME SNAPSHOT makes one of a VPS")))
    }

    /// Removes it. An error as long as a VPS that was started from it is there.
    pub async fn remove(self, engine: &Engine) -> Result<()> {
        if engine.has_mounted(&self.folder.display().to_string()).await? {
            let failure =
                Failure::new(self.name, "remove this snapshot").saw("a VPS that was started from it needs it");
            return Err(Error::Engine(failure.hint("first take that VPS down: cargo xtask down NAME")));
        }
        engine.remove_image(&self.image).await?;
        remove(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_typed_and_none_is_the_built_in_one() {
        for name in ["a", "with-docker", "2026-11-22"] {
            assert_eq!(snapshot_name(name).as_deref(), Ok(name));
        }
        for name in ["", "-a", "a-", "A", "a b", "a/b", "a:b", "ä", &"a".repeat(41)] {
            assert!(snapshot_name(name).unwrap_err().contains("1 to 40"), "{name}");
        }
        assert!(snapshot_name(BOOTSTRAPPED).unwrap_err().contains("built-in"));
    }
}
