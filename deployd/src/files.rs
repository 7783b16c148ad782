//! Files of the data directory: made with the right mode, replaced whole or not at all; and reading untrusted trees.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Failure, Kind, Result};

fn failed(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let what = format!("{what} {}", path.display());
    move |error| Failure::new(Kind::Internal, what).saw(error).hint("look at the data directory's disk and its owner")
}

/// Makes a directory, and its parents, that only the owner may enter.
pub(crate) fn private_dir(path: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed("protect", path))
}

/// Lets every user into a directory, and lets each remove only what is theirs.
pub(crate) fn open_to_all(path: &Path) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o1777)).map_err(failed("open", path))
}

/// Writes a file so that a reader, or a machine that lost power, sees the old or the new content and nothing between.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let write = || {
        // a file left behind by a kill may have another mode
        let _ = fs::remove_file(&new);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(failed("write", path))?;
    put_in_place(&new, path)
}

/// Puts a new file, which is on the disk already, in the place of an old one at once.
pub(crate) fn put_in_place(new: &Path, path: &Path) -> Result<()> {
    let renamed = fs::rename(new, path);
    let kept = renamed.and_then(|()| fs::File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all());
    kept.map_err(failed("replace", path))
}

/// Removes a file; one that is gone is fine.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    gone(fs::remove_file(path), path)
}

/// The content of a file, or nothing if there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// The text of a file of a work tree, or nothing if there is none. A link that leads out of the tree is refused: what
/// it points to must not end in an error message.
pub(crate) fn read_in_tree(tree: &Path, relative: &str) -> Result<Option<String>> {
    let invalid = |saw: String| Failure::new(Kind::Invalid, format!("read {relative} of the repository")).saw(saw);
    let Ok(real) = tree.join(relative).canonicalize() else { return Ok(None) };
    let root = tree.canonicalize().map_err(failed("find", tree))?;
    if !real.starts_with(&root) {
        return Err(invalid("it leads out of the repository".into()));
    }
    if !real.is_file() {
        return Err(invalid("it is not a file".into()));
    }
    fs::read_to_string(&real).map(Some).map_err(|error| invalid(error.to_string()))
}

/// Copies a work tree without `.git`; links stay links, modes stay modes.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    copy_folder(from, to, true).map_err(failed("copy the work tree to", to))
}

fn copy_folder(from: &Path, to: &Path, top: bool) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let (source, target) = (entry.path(), to.join(&name));
        if top && name == ".git" {
            continue;
        }
        if kind.is_dir() {
            copy_folder(&source, &target, false)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

/// Removes a folder with everything in it; one that is gone is fine.
pub(crate) fn remove_dir(path: &Path) -> Result<()> {
    gone(fs::remove_dir_all(path), path)
}

fn gone(removed: std::io::Result<()>, path: &Path) -> Result<()> {
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failed("remove", path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_has_its_mode_and_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        replace(&path, b"one", 0o600).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_copied_tree_has_no_repository_and_keeps_links_and_modes() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, copy) = (dir.path().join("tree"), dir.path().join("deep/copy"));
        fs::create_dir_all(tree.join(".git")).unwrap();
        fs::create_dir_all(tree.join("conf")).unwrap();
        fs::write(tree.join("conf/run"), "#!").unwrap();
        fs::set_permissions(tree.join("conf/run"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("conf/run", tree.join("link")).unwrap();
        copy_tree(&tree, &copy).unwrap();
        assert!(!copy.join(".git").exists());
        assert_eq!(fs::metadata(copy.join("conf/run")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_link(copy.join("link")).unwrap(), Path::new("conf/run"));
        remove_dir(&copy).unwrap();
        remove_dir(&copy).unwrap();
    }

    #[test]
    fn a_link_out_of_the_tree_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink("../secret", tree.join("project.toml")).unwrap();
        assert_eq!(read_in_tree(&tree, "project.toml").unwrap_err().kind(), Kind::Invalid);
        assert!(read_in_tree(&tree, "none").unwrap().is_none());
    }
}
