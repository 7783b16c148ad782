//! The build context: a tar of the work tree, streamed while it is made.

use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tar::{EntryType, Header};
use tokio::sync::mpsc;

use super::ignorefile::{IgnoreFile, Verdict};

/// How much is written at once.
const PIECE: usize = 64 * 1024;

/// A tar of the work tree without what is ignored and without `.git`, as it is when Docker itself builds from a
/// repository: its content differs from clone to clone and would spoil the build cache. Every file has the time of the
/// commit.
pub(super) fn stream(tree: PathBuf, ignore: IgnoreFile, time: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let (send, receive) = mpsc::channel(8);
    tokio::task::spawn_blocking(move || {
        let writer = BufWriter::with_capacity(PIECE, Pieces(send.clone()));
        let mut context = Context { tree, ignore, time, tar: tar::Builder::new(writer) };
        let written =
            context.folder(Path::new(""), &Verdict::default()).and_then(|()| context.tar.into_inner()?.flush());
        if let Err(error) = written {
            // the engine went away, or the error ends its build
            let _ = send.blocking_send(Err(error));
        }
    });
    stream::unfold(receive, |mut receive| async { receive.recv().await.map(|piece| (piece, receive)) })
}

struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(piece)));
        sent.map(|()| piece.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Context<W: Write> {
    tree: PathBuf,
    ignore: IgnoreFile,
    time: u64,
    tar: tar::Builder<W>,
}

impl<W: Write> Context<W> {
    fn folder(&mut self, folder: &Path, verdict: &Verdict) -> io::Result<()> {
        let mut names: Vec<_> = std::fs::read_dir(self.tree.join(folder))?.collect::<Result<_, _>>()?;
        // the same tree is the same tar
        names.sort_by_key(std::fs::DirEntry::file_name);
        for entry in names {
            let path = folder.join(entry.file_name());
            if path == Path::new(".git") {
                continue;
            }
            let verdict = self.ignore.verdict(&path.to_string_lossy(), verdict);
            self.entry(&path, &verdict)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, verdict: &Verdict) -> io::Result<()> {
        let full = self.tree.join(path);
        let meta = full.symlink_metadata()?;
        let mut header = Header::new_gnu();
        header.set_mode(meta.permissions().mode() & 0o7777);
        header.set_mtime(self.time);
        header.set_size(0);
        if meta.is_dir() {
            header.set_entry_type(EntryType::Directory);
            if !verdict.ignored {
                self.tar.append_data(&mut header, path, io::empty())?;
            } else if !self.ignore.includes_again() {
                return Ok(());
            }
            return self.folder(path, verdict);
        }
        if verdict.ignored {
            return Ok(());
        }
        if meta.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            return self.tar.append_link(&mut header, path, std::fs::read_link(&full)?);
        }
        header.set_entry_type(EntryType::Regular);
        header.set_size(meta.len());
        self.tar.append_data(&mut header, path, std::fs::File::open(&full)?)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn names(tree: &Path) -> Vec<String> {
        let ignore = IgnoreFile::of_tree(tree, "Dockerfile").unwrap();
        let pieces: Vec<Bytes> = stream(tree.to_owned(), ignore, 7).try_collect().await.unwrap();
        let bytes = pieces.concat();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            assert_eq!(entry.header().mtime().unwrap(), 7);
            entry.path().unwrap().display().to_string()
        });
        entries.collect()
    }

    #[tokio::test]
    async fn the_context_is_the_tree_without_what_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["Dockerfile", "app/main.py", "secret/key", "secret/public", ".git/HEAD", "big"] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, vec![b'x'; 200_000]).unwrap();
        }
        std::os::unix::fs::symlink("app/main.py", dir.path().join("link")).unwrap();
        std::fs::write(dir.path().join(".dockerignore"), "secret\n!secret/public\nbig\n").unwrap();
        let expected = [".dockerignore", "Dockerfile", "app", "app/main.py", "link", "secret/public"];
        assert_eq!(names(dir.path()).await, expected);
    }
}
