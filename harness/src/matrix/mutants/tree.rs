//! A copy of the workspace, in which one file at a time is changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Mutant;
use crate::error::{Error, Failure, Result};
use crate::workspace::file_error;

/// A copy of the files of a workspace that git knows or does not ignore.
#[derive(Debug, Clone)]
pub struct Tree {
    dir: PathBuf,
}

impl Tree {
    /// Makes `dir` hold what the workspace in `root` holds now, uncommitted changes included. A file that is the same
    /// already is not touched, so that what was built of it counts as new.
    pub async fn copy(root: &Path, dir: &Path) -> Result<Self> {
        let files = files(root).await?;
        for file in &files {
            let (from, to) = (root.join(file), dir.join(file));
            let content = fs::read(&from).map_err(|error| file_error(&from, "read", &error))?;
            if fs::read(&to).is_ok_and(|there| there == content) {
                continue;
            }
            let folder = to.parent().unwrap_or(dir);
            fs::create_dir_all(folder).map_err(|error| file_error(folder, "make the folder", &error))?;
            fs::copy(&from, &to).map_err(|error| file_error(&to, "copy", &error))?;
        }
        remove_others(dir, &files)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Copies one of its folders as it is now to `dir`.
    pub fn keep(&self, folder: &str, dir: &Path) -> Result<()> {
        let from = self.dir.join(folder);
        for entry in walkdir::WalkDir::new(&from) {
            let entry = entry.map_err(|error| file_error(&from, "read", &error.into()))?;
            let to = entry.path().strip_prefix(&from).map_or_else(|_| dir.to_owned(), |inside| dir.join(inside));
            let is_dir = entry.file_type().is_dir();
            let copied = if is_dir { fs::create_dir_all(&to) } else { fs::copy(entry.path(), &to).map(drop) };
            copied.map_err(|error| file_error(&to, "copy", &error))?;
        }
        Ok(())
    }

    /// Does something while the tree holds the mutant. What is killed in the middle is mended by the next copy.
    pub async fn with<T>(&self, mutant: &Mutant, work: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
        let path = self.dir.join(&mutant.file);
        let text = fs::read_to_string(&path).map_err(|error| file_error(&path, "read", &error))?;
        let write = |text: &str| fs::write(&path, text).map_err(|error| file_error(&path, "write", &error));
        write(&mutant.applied(&text)?)?;
        let done = work().await;
        write(&text)?;
        done
    }
}

/// The files of a workspace, relative to it.
async fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let failed = |saw: String| Error::File(Failure::new(root.display().to_string(), "ask git for its files").saw(saw));
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(list).current_dir(root).output().await;
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let names = String::from_utf8(output.stdout).map_err(|error| failed(error.to_string()))?;
    // one that was removed and is not committed yet is listed nevertheless
    Ok(names.split_terminator('\0').map(PathBuf::from).filter(|file| root.join(file).is_file()).collect())
}

/// Removes what a copy before had and this one has not.
fn remove_others(dir: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in walkdir::WalkDir::new(dir).into_iter().flatten().filter(|entry| !entry.file_type().is_dir()) {
        let is_known = entry.path().strip_prefix(dir).is_ok_and(|file| files.contains(file));
        if !is_known {
            fs::remove_file(entry.path()).map_err(|error| file_error(entry.path(), "remove", &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn git(root: &Path, words: &[&str]) {
        assert!(Command::new("git").args(words).current_dir(root).status().await.unwrap().success());
    }

    fn mutant(find: &str) -> Mutant {
        Mutant {
            name: "a-mutant".into(),
            assertion: None,
            scenario: String::new(),
            file: "deployd/src/a.rs".into(),
            find: find.into(),
            replace: "two".into(),
            expect: String::new(),
            why: String::new(),
        }
    }

    #[tokio::test]
    async fn a_copy_follows_the_workspace_and_is_as_before_after_a_mutant() {
        let (root, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        git(root.path(), &["init", "--quiet"]).await;
        let put = |file: &str, text: &str| {
            fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
            fs::write(root.path().join(file), text).unwrap();
        };
        put("deployd/src/a.rs", "one");
        put(".gitignore", "/target/\n");
        put("target/big", "built");
        put("gone.rs", "x");
        let tree = Tree::copy(root.path(), copy.path()).await.unwrap();
        assert!(tree.dir().join("gone.rs").exists() && !tree.dir().join("target").exists());

        let file = tree.dir().join("deployd/src/a.rs");
        let read = || fs::read_to_string(&file).unwrap();
        let kept = tempfile::tempdir().unwrap();
        let work = async || tree.keep("deployd", kept.path()).map(|()| read());
        let within = tree.with(&mutant("one"), work).await.unwrap();
        assert_eq!((within.as_str(), read().as_str()), ("two", "one"));
        assert_eq!(fs::read_to_string(kept.path().join("src/a.rs")).unwrap(), "two");
        let built = fs::metadata(&file).unwrap().modified().unwrap();
        assert!(tree.with(&mutant("three"), async || Ok(())).await.is_err());

        fs::remove_file(root.path().join("gone.rs")).unwrap();
        put("new.rs", "y");
        Tree::copy(root.path(), copy.path()).await.unwrap();
        assert!(!tree.dir().join("gone.rs").exists() && tree.dir().join("new.rs").exists());
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), built, "an unchanged file was written again");
    }
}
