//! The folder that all runs of one user on one machine share: caches, and for each engine run files and locks.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::Engine;
use crate::error::{Error, Failure, Result};

/// The folder that all workspaces of one user on one machine share (`~/.cache/testvps`), and in it what belongs to one
/// engine: runs and locks on one are no concern of another.
#[derive(Debug, Clone)]
pub struct MachineDir {
    shared: PathBuf,
    engine: PathBuf,
}

impl MachineDir {
    /// Finds the folder: `TESTENV_CACHE_DIR`, else `testvps` in the user's cache folder.
    pub fn find(engine: &Engine) -> Result<Self> {
        let shared = std::env::var_os("TESTENV_CACHE_DIR")
            .map(PathBuf::from)
            .or_else(|| dirs::cache_dir().map(|dir| dir.join("testvps")))
            .unwrap_or_else(|| std::env::temp_dir().join("testvps"));
        let this = Self::at(shared, engine.id());
        fs::create_dir_all(this.runs()).map_err(|error| this.error(&this.runs(), "make the folder", &error))?;
        Ok(this)
    }

    fn at(shared: PathBuf, engine_id: &str) -> Self {
        // old engines call themselves by letters, digits and colons, new ones by a UUID
        let engine = shared.join("engines").join(engine_id.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        Self { shared, engine }
    }

    /// Where the cache shared by all VPSes of this machine keeps packages.
    #[must_use]
    pub fn packages(&self) -> PathBuf {
        self.shared.join("packages")
    }

    /// Where what the engines of frozen VPSes keep lies, a folder for each snapshot.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.shared.join("snapshots")
    }

    /// Takes the lock called `name`, waiting for whoever has it; it is released when the file is dropped.
    pub async fn lock(&self, name: &str) -> Result<File> {
        let path = self.engine.join(format!("{name}.lock"));
        let this = self.clone();
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::create(&path).map_err(|error| this.error(&path, "open the lock", &error))?;
            file.lock().map_err(|error| this.error(&path, "take the lock", &error))?;
            Ok(file)
        });
        locked.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    fn runs(&self) -> PathBuf {
        self.engine.join("runs")
    }

    fn run_file(&self, run: &str) -> PathBuf {
        self.runs().join(run)
    }

    /// Declares a run as living for as long as the answered file is open.
    pub(super) fn open_run(&self, run: &str) -> Result<File> {
        let path = self.run_file(run);
        let file = File::create(&path).map_err(|error| self.error(&path, "make the run's file", &error))?;
        file.lock().map_err(|error| self.error(&path, "lock the run's file", &error))?;
        Ok(file)
    }

    /// Whether the process of a run still lives.
    pub(super) fn is_alive(&self, run: &str) -> bool {
        File::open(self.run_file(run)).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// The runs whose process is there no more and whose things were not yet seen to be gone.
    pub(super) fn dead_runs(&self) -> Vec<String> {
        self.all_runs().filter(|run| !self.is_alive(run)).collect()
    }

    /// Whether any run lives.
    pub(crate) fn any_run_lives(&self) -> bool {
        self.all_runs().any(|run| self.is_alive(&run))
    }

    /// Forgets a run whose things are gone.
    pub(super) fn forget_run(&self, run: &str) {
        // a file that stays only makes the next command look once more
        let _ = fs::remove_file(self.run_file(run));
    }

    fn all_runs(&self) -> impl Iterator<Item = String> {
        let files = fs::read_dir(self.runs()).into_iter().flatten().flatten();
        files.filter_map(|file| file.file_name().into_string().ok())
    }

    #[expect(clippy::unused_self, reason = "reads as this folder's own error")]
    fn error(&self, path: &Path, action: &str, error: &std::io::Error) -> Error {
        let hint = "name a folder that can be written with TESTENV_CACHE_DIR";
        Error::File(Failure::new(path.display().to_string(), action).saw(error).hint(hint))
    }
}

/// The id of this machine: an engine may serve several, and each sweeps only its own.
pub(crate) fn host_id() -> String {
    let read = |path: &str| fs::read_to_string(path).ok().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    let id = read("/etc/machine-id").or_else(|| nix::unistd::gethostname().ok()?.into_string().ok());
    id.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_lives_as_long_as_its_file_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let machine = MachineDir::at(folder.path().to_owned(), "E1");
        fs::create_dir_all(machine.runs()).unwrap();
        let file = machine.open_run("r1").unwrap();
        assert!(machine.is_alive("r1") && machine.any_run_lives() && machine.dead_runs().is_empty());
        drop(file);
        assert_eq!(machine.dead_runs(), ["r1"]);
        let other = MachineDir::at(folder.path().to_owned(), "E2");
        assert!(other.dead_runs().is_empty(), "a run on one engine is taken for one on another");
        machine.forget_run("r1");
        assert!(machine.dead_runs().is_empty());
    }
}
