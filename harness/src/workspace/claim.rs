//! The names of VPSes that are on their way: two processes never give the same one.

use std::fs::{self, File, TryLockError};

use super::{Workspace, file_error};
use crate::error::Result;

/// The file in a VPS's folder that is locked while the VPS is made.
const CLAIM_FILE: &str = "claim";

/// A name that this process alone gives to a VPS, for as long as this lives; the kernel takes it from a process that was
/// killed. A VPS that was not remembered by then leaves no folder.
#[derive(Debug)]
pub(crate) struct Claim {
    workspace: Workspace,
    name: String,
    _held: File,
}

impl Claim {
    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Workspace {
    /// Claims a name; nothing if another process makes a VPS of this name.
    pub(crate) fn claim(&self, name: &str) -> Result<Option<Claim>> {
        let _lock = self.lock()?;
        self.claim_locked(name)
    }

    /// Claims a name that no VPS here has or is about to get: the system's, with a number from the second on.
    pub(crate) fn claim_free(&self, stem: &str) -> Result<Claim> {
        let _lock = self.lock()?;
        let taken: Vec<String> = self.vpses()?.into_iter().map(|vps| vps.name).collect();
        let stem = stem.replace('.', "-");
        let (mut name, mut number) = (stem.clone(), 1);
        loop {
            if !taken.contains(&name)
                && let Some(claim) = self.claim_locked(&name)?
            {
                return Ok(claim);
            }
            number += 1;
            name = format!("{stem}-{number}");
        }
    }

    /// Under the workspace's lock: nobody removes the file between its making and its locking.
    fn claim_locked(&self, name: &str) -> Result<Option<Claim>> {
        let path = self.folder(name).join(CLAIM_FILE);
        let failed = |error: &std::io::Error| file_error(&path, "claim the name of a VPS", error);
        fs::create_dir_all(self.folder(name)).map_err(|error| failed(&error))?;
        let file = File::create(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Claim { workspace: self.clone(), name: name.to_owned(), _held: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Ok(_lock) = self.workspace.lock() else { return };
        let folder = self.workspace.folder(&self.name);
        // what cannot be removed is no VPS to anybody, and the next of this name takes it over
        let _ = if self.workspace.state_file(&self.name).exists() {
            fs::remove_file(folder.join(CLAIM_FILE))
        } else {
            fs::remove_dir_all(folder)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_who_choose_at_once_get_different_names_and_a_name_that_is_given_up_is_free_again() {
        let folder = tempfile::tempdir().unwrap();
        // the lock counts for an open file, so one process is as good as two
        let workspace = Workspace::at(folder.path()).unwrap();
        let (one, two) = (workspace.claim_free("ubuntu-16.04").unwrap(), workspace.claim_free("ubuntu-16.04").unwrap());
        assert_eq!((one.name(), two.name()), ("ubuntu-16-04", "ubuntu-16-04-2"));
        assert!(workspace.claim("ubuntu-16-04").unwrap().is_none(), "a name was given twice");
        workspace.keep(one.name(), "secret", &1).unwrap();
        drop(one);
        assert!(!workspace.folder("ubuntu-16-04").exists(), "a VPS that was never ready left its folder");
        assert_eq!(workspace.claim_free("ubuntu-16.04").unwrap().name(), "ubuntu-16-04");
    }

    #[test]
    fn what_a_killed_process_left_is_no_claim_and_a_vps_that_was_remembered_keeps_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path()).unwrap();
        fs::create_dir(workspace.folder("a")).unwrap();
        fs::write(workspace.folder("a").join(CLAIM_FILE), "").unwrap();
        let claim = workspace.claim("a").unwrap().unwrap();
        fs::write(workspace.state_file("a"), "{}").unwrap();
        drop(claim);
        let left: Vec<_> = fs::read_dir(workspace.folder("a")).unwrap().flatten().map(|it| it.path()).collect();
        assert_eq!(left, [workspace.state_file("a")]);
    }
}
