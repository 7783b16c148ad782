//! Copying files and folders to and from a VPS.

use std::collections::VecDeque;
use std::fs::{Metadata, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use tokio::fs;

use super::session::Session;
use super::sftp::{MODE_BITS, Sftp, Side, transfer};
use crate::error::Result;

impl Session {
    /// Copies a file or a whole folder to the VPS, with modes; links stay links.
    ///
    /// `remote` is the new name itself, or the folder to put it into when it ends in `/` or is `.` or `..`. A relative one, or
    /// `~/...`, begins at the user's home. The folder around it must be there; a folder that is there already is added to.
    pub async fn upload(&self, local: &Path, remote: &str) -> Result<()> {
        let sftp = Sftp::open(self, format!("upload {} to {remote}", local.display())).await?;
        let mut remote = from_home(remote);
        if names_a_folder(&remote) {
            let name = local.file_name().ok_or_else(|| sftp.here(local, "has no name of its own"))?;
            remote = format!("{}/{}", remote.strip_suffix('/').unwrap_or(&remote), name.to_string_lossy());
        }
        let mut left = VecDeque::from([(local.to_owned(), remote)]);
        let mut folders = Vec::new();
        while let Some((local, remote)) = left.pop_front() {
            // The one that was named may be a link to what is meant; those within a folder stay links.
            let named = left.is_empty() && folders.is_empty();
            let found = if named { fs::metadata(&local).await } else { fs::symlink_metadata(&local).await };
            let found = found.map_err(|e| sftp.here(&local, e))?;
            if found.is_dir() {
                sftp.make_folder(&remote).await?;
                left.extend(entries(&sftp, &local, &remote).await?);
                folders.push((remote, found.permissions().mode()));
            } else {
                put(&sftp, &local, &remote, &found).await?;
            }
        }
        // Last and from the inside out: a folder that may not be written to must be filled first.
        for (remote, mode) in folders.iter().rev() {
            sftp.set_mode(remote, *mode).await?;
        }
        sftp.close().await;
        Ok(())
    }

    /// Writes bytes to a file on the VPS with this mode (`0o644`), in place of what was there.
    pub async fn upload_bytes(&self, bytes: &[u8], remote: &str, mode: u32) -> Result<()> {
        let sftp = Sftp::open(self, format!("write {remote}")).await?;
        sftp.put(bytes, Path::new("bytes"), &from_home(remote), mode).await?;
        sftp.close().await;
        Ok(())
    }

    /// Copies a file or a whole folder from the VPS, with modes; links within a folder stay links.
    ///
    /// `local` is the new name itself, or the folder to put it into when it ends in `/` or is `.` or `..`. The folder around
    /// it must be there; a folder that is there already is added to. A file comes into place when it is complete.
    pub async fn download(&self, remote: &str, local: &Path) -> Result<()> {
        let sftp = Sftp::open(self, format!("download {remote} to {}", local.display())).await?;
        let remote = from_home(remote);
        let found = sftp.look(&remote).await?;
        let found = found.ok_or_else(|| sftp.there(&remote, "there is no such file"))?;
        let local = match remote.trim_end_matches('/').rsplit('/').next() {
            _ if !names_a_folder(&local.to_string_lossy()) => local.to_owned(),
            Some(name) => below(local, name).ok_or_else(|| sftp.there(&remote, "has no name of its own"))?,
            None => local.to_owned(),
        };
        if local.is_dir() && !found.is_dir() {
            return Err(sftp.here(&local, "is a folder: with a / at its end the file is put into it"));
        }
        let mut left = VecDeque::from([(remote, local, found)]);
        let mut folders = Vec::new();
        while let Some((remote, local, found)) = left.pop_front() {
            if found.is_dir() {
                make_folder(&sftp, &local).await?;
                for (name, found) in sftp.list(&remote).await? {
                    let path =
                        below(&local, &name).ok_or_else(|| sftp.here(&local, format!("will not make {name:?}")))?;
                    left.push_back((format!("{}/{name}", remote.trim_end_matches('/')), path, found));
                }
                folders.push((local, found.permissions.unwrap_or(0o755) & MODE_BITS));
            } else if found.is_symlink() {
                fetch_link(&sftp, &remote, &local).await?;
            } else if found.is_regular() {
                fetch(&sftp, &remote, &local).await?;
            } else {
                return Err(sftp.there(&remote, "is neither a file nor a folder nor a link"));
            }
        }
        for (local, mode) in folders.iter().rev() {
            fs::set_permissions(local, Permissions::from_mode(*mode)).await.map_err(|e| sftp.here(local, e))?;
        }
        sftp.close().await;
        Ok(())
    }

    /// Reads a file of the VPS.
    pub async fn download_bytes(&self, remote: &str) -> Result<Vec<u8>> {
        let sftp = Sftp::open(self, format!("read {remote}")).await?;
        let remote = from_home(remote);
        let (mut file, _) = sftp.get(&remote).await?;
        let mut bytes = Vec::new();
        if let Err(Side::From(e) | Side::To(e)) = transfer(&mut file, &mut bytes).await {
            return Err(sftp.there(&remote, e));
        }
        sftp.close().await;
        Ok(bytes)
    }
}

/// SFTP starts in the user's home and knows no `~`.
fn from_home(remote: &str) -> String {
    match remote.strip_prefix('~') {
        Some("" | "/") => ".".to_owned(),
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/').to_owned(),
        _ => remote.to_owned(),
    }
}

/// Whether a path can only mean a folder that things are put into.
fn names_a_folder(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("" | "." | ".."))
}

/// Copies one thing that is no folder to the VPS.
async fn put(sftp: &Sftp, local: &Path, remote: &str, found: &Metadata) -> Result<()> {
    if found.is_symlink() {
        let target = fs::read_link(local).await.map_err(|e| sftp.here(local, e))?;
        return sftp.make_link(remote, &target.to_string_lossy()).await;
    }
    if !found.is_file() {
        return Err(sftp.here(local, "is neither a file nor a folder nor a link"));
    }
    let file = fs::File::open(local).await.map_err(|e| sftp.here(local, e))?;
    sftp.put(file, local, remote, found.permissions().mode()).await
}

/// What is in a local folder, each with its name on the VPS.
async fn entries(sftp: &Sftp, local: &Path, remote: &str) -> Result<Vec<(PathBuf, String)>> {
    let mut reader = fs::read_dir(local).await.map_err(|e| sftp.here(local, e))?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().await.map_err(|e| sftp.here(local, e))? {
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| sftp.here(&entry.path(), "its name is not UTF-8"))?;
        entries.push((entry.path(), format!("{}/{name}", remote.trim_end_matches('/'))));
    }
    Ok(entries)
}

async fn make_folder(sftp: &Sftp, local: &Path) -> Result<()> {
    match fs::create_dir(local).await {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists || !local.is_dir() => Err(sftp.here(local, e)),
        _ => Ok(()),
    }
}

async fn fetch_link(sftp: &Sftp, remote: &str, local: &Path) -> Result<()> {
    let target = sftp.read_link(remote).await?;
    // As with files: what was there makes room, and what cannot be removed shows itself in the next step.
    let _ = fs::remove_file(local).await;
    fs::symlink(target, local).await.map_err(|e| sftp.here(local, e))
}

/// Reads a file of the VPS into a nameless neighbour of `local` that takes its place once it is whole.
async fn fetch(sftp: &Sftp, remote: &str, local: &Path) -> Result<()> {
    let (mut file, found) = sftp.get(remote).await?;
    let folder = local.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = tempfile::NamedTempFile::new_in(folder).map_err(|e| sftp.here(local, e))?;
    let mut writer = fs::File::from_std(part.reopen().map_err(|e| sftp.here(local, e))?);
    match transfer(&mut file, &mut writer).await {
        Ok(()) => {}
        Err(Side::From(e)) => return Err(sftp.there(remote, e)),
        Err(Side::To(e)) => return Err(sftp.here(local, e)),
    }
    let mode = found.permissions.unwrap_or(0o644) & MODE_BITS;
    writer.sync_all().await.map_err(|e| sftp.here(local, e))?;
    writer.set_permissions(Permissions::from_mode(mode)).await.map_err(|e| sftp.here(local, e))?;
    part.persist(local).map_err(|e| sftp.here(local, e.error))?;
    Ok(())
}

/// A name below a folder, unless it leads out of it: the VPS must not choose where files here are written.
fn below(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) => Some(folder.join(part)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_the_vps_never_leads_out_of_the_folder() {
        for name in ["..", "../x", "/etc/passwd", "a/b", ".", ""] {
            assert_eq!(below(Path::new("/here"), name), None, "{name}");
        }
        assert_eq!(below(Path::new("/here"), "a"), Some(PathBuf::from("/here/a")));
    }

    #[test]
    fn what_ends_in_a_slash_or_dots_is_put_into() {
        for (path, is) in [("a/", true), (".", true), ("a/..", true), ("/", true), ("a", false), ("a/.b", false)] {
            assert_eq!(names_a_folder(path), is, "{path}");
        }
    }

    #[test]
    fn a_tilde_is_the_home_that_sftp_starts_in() {
        for (given, meant) in [("~/a/b", "a/b"), ("~", "."), ("~/", "."), ("/x", "/x"), ("x", "x"), ("~bob", "~bob")] {
            assert_eq!(from_home(given), meant);
        }
    }
}
