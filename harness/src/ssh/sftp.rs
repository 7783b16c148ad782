//! One SFTP channel: single files and folders, with errors that name the file and the side.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::fs::{File, Metadata};
use russh_sftp::client::{Config, SftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::session::Session;
use crate::error::{Error, Failure, Result, chain};

/// The longest silence after a request. A lost connection ends it sooner; a slow disk must not.
const PATIENCE: Duration = Duration::from_mins(1);

/// How much is read before it is written.
const PIECE: usize = 256 * 1024;

/// The permission bits of a mode.
pub(super) const MODE_BITS: u32 = 0o7777;

/// An SFTP channel for one copy.
pub(super) struct Sftp {
    remote: SftpSession,
    session: Session,
    action: String,
    start: Instant,
}

impl Sftp {
    /// `action` is what errors say was being done: `upload a to /b`.
    pub async fn open(session: &Session, action: String) -> Result<Self> {
        let start = Instant::now();
        let fail = |why: String| {
            let failure = session.failure(action.clone()).after(start.elapsed()).saw(why);
            Error::Copy(
                failure.hint("sshd needs its sftp-server for this: the package openssh-sftp-server or openssh-server"),
            )
        };
        let lost = |why: String| Error::Copy(session.failure(action.clone()).after(start.elapsed()).saw(why));
        let (session, channel) = session.open().await.map_err(lost)?;
        channel.request_subsystem(true, "sftp").await.map_err(|e| lost(session.broken(&e)))?;
        let config = Config { request_timeout_secs: PATIENCE.as_secs(), ..Config::default() };
        let remote = SftpSession::new_with_config(channel.into_stream(), config)
            .await
            .map_err(|e| session.gone().map_or_else(|| fail(format!("no SFTP there: {}", chain(&e))), lost))?;
        Ok(Self { remote, session, action, start })
    }

    /// An error on this side.
    pub fn here(&self, path: &Path, seen: impl Display) -> Error {
        Error::Copy(self.failure().saw(format!("here, {}: {seen}", path.display())))
    }

    /// An error on the VPS.
    pub fn there(&self, path: &str, error: impl Display) -> Error {
        let seen = self.session.gone().unwrap_or_else(|| words(&error.to_string()).to_owned());
        Error::Copy(self.failure().saw(format!("on the VPS, {path}: {seen}")))
    }

    fn failure(&self) -> Failure {
        self.session.failure(self.action.clone()).after(self.start.elapsed())
    }

    /// What a path is, links followed; nothing when there is nothing.
    pub async fn look(&self, path: &str) -> Result<Option<Metadata>> {
        found(self.remote.metadata(path).await).map_err(|e| self.there(path, e))
    }

    /// The entries of a folder: name and what each is, links not followed.
    pub async fn list(&self, path: &str) -> Result<Vec<(String, Metadata)>> {
        let entries = self.remote.read_dir(path).await.map_err(|e| self.there(path, e))?;
        Ok(entries.map(|entry| (entry.file_name(), entry.metadata())).collect())
    }

    /// The target of a link.
    pub async fn read_link(&self, path: &str) -> Result<String> {
        self.remote.read_link(path).await.map_err(|e| self.there(path, e))
    }

    /// Makes a folder unless it is there.
    pub async fn make_folder(&self, path: &str) -> Result<()> {
        match self.look(path).await? {
            Some(there) if there.is_dir() => Ok(()),
            Some(_) => Err(self.there(path, "is there and is no folder")),
            None => match self.remote.create_dir(path).await {
                Ok(()) => Ok(()),
                Err(e) => Err(self.explained(path, e).await),
            },
        }
    }

    /// Makes a symbolic link, in place of what was there.
    pub async fn make_link(&self, path: &str, target: &str) -> Result<()> {
        // Absent is the usual case; what cannot be removed shows itself in the next request.
        let _ = self.remote.remove_file(path).await;
        // OpenSSH has always read the two names the other way round than the protocol's draft, and so do its followers.
        self.remote.symlink(target, path).await.map_err(|e| self.there(path, e))
    }

    /// Sets the permission bits.
    pub async fn set_mode(&self, path: &str, mode: u32) -> Result<()> {
        let wanted = FileAttributes { permissions: Some(mode & MODE_BITS), ..FileAttributes::empty() };
        self.remote.set_metadata(path, wanted).await.map_err(|e| self.there(path, e))
    }

    /// Writes a file in place of what was there.
    pub async fn put(&self, mut from: impl AsyncRead + Unpin, local: &Path, path: &str, mode: u32) -> Result<()> {
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
        // Closed to others from the start: what is being written may be a key.
        let private = FileAttributes { permissions: Some(0o600), ..FileAttributes::empty() };
        let mut file = match self.remote.open_with_flags_and_attributes(path, flags, private).await {
            Ok(file) => file,
            Err(e) => return Err(self.explained(path, e).await),
        };
        match transfer(&mut from, &mut file).await.and(Ok(())) {
            Ok(()) => {}
            Err(Side::From(e)) => return Err(self.here(local, e)),
            Err(Side::To(e)) => return Err(self.explained(path, e).await),
        }
        if let Err(e) = file.close().await {
            return Err(self.explained(path, e).await);
        }
        self.set_mode(path, mode).await
    }

    /// Opens a file to read; with what it is.
    pub async fn get(&self, path: &str) -> Result<(File, Metadata)> {
        let file = self.remote.open(path).await.map_err(|e| self.there(path, e))?;
        let metadata = file.metadata().await.map_err(|e| self.there(path, e))?;
        Ok((file, metadata))
    }

    /// An error of a write: OpenSSH says just "Failure" when a disk is full, so the disk is asked.
    async fn explained(&self, path: &str, error: impl Display) -> Error {
        let folder = path.rsplit_once('/').map_or(".", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let error = words(&error.to_string()).to_owned();
        if matches!(self.remote.metadata(path).await, Ok(there) if there.is_dir()) {
            return self.there(path, "is a folder: with a / at its end the file is put into it");
        }
        let why = match self.remote.fs_info(folder).await {
            // Kernel file systems such as /proc have no blocks at all.
            Ok(Some(fs)) if fs.blocks > 0 && fs.blocks_avail == 0 => {
                format!("its disk is full: {} MB, none free", fs.blocks.saturating_mul(fs.fragment_size) / 1_000_000)
            }
            Ok(Some(fs)) if fs.inodes > 0 && fs.inodes_avail == 0 => "its disk has no inode left".to_owned(),
            Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => {
                format!("there is no folder {folder}")
            }
            _ => return self.there(path, error),
        };
        self.there(path, format!("{error} ({why})"))
    }

    /// Ends the channel.
    pub async fn close(self) {
        // The copy is done; a server that is gone by now takes nothing back.
        let _ = self.remote.close().await;
    }
}

/// An SFTP status without its echo: servers mostly repeat the code in words ("No such file: No such file").
fn words(error: &str) -> &str {
    match error.split_once(": ") {
        Some((code, message)) if code == message => message,
        _ => error,
    }
}

fn found<T>(result: Result<T, SftpError>) -> Result<Option<T>, SftpError> {
    match result {
        Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(None),
        result => result.map(Some),
    }
}

/// Which side of a transfer failed.
pub(super) enum Side {
    From(io::Error),
    To(io::Error),
}

/// Copies until the end, without the flush of `tokio::io::copy`: SFTP files answer it with an fsync.
pub(super) async fn transfer(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Side> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece).await.map_err(Side::From)? {
            0 => return Ok(()),
            n => to.write_all(&piece[..n]).await.map_err(Side::To)?,
        }
    }
}
