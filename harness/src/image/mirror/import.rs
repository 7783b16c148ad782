//! The root file system that a tool of this machine writes to its standard output, streamed into the engine.

use std::process::Stdio;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio_util::io::ReaderStream;

use crate::Engine;
use crate::engine::{DISK_FULL, Imported};
use crate::error::{Error, Failure};
use crate::lease::Lease;

/// A command that writes a root file system as a tar archive, and the folder with what it needs.
pub(super) struct Maker {
    pub command: Command,
    pub folder: TempDir,
}

/// Why no image came of what a command was to write.
pub(in crate::image) enum NotMade {
    /// The command failed, or what it asked did: what it said last. Another source may have the same.
    Source(String),
    /// This machine or its engine failed, as it would with any other source.
    Machine(Error),
}

/// Runs the command and imports what it writes.
pub(super) async fn import(maker: Maker, engine: &Engine, lease: &Lease, image: Imported<'_>) -> Result<(), NotMade> {
    let Maker { mut command, folder } = maker;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| NotMade::Source(format!("{program}: {error}")))?;
    let group = child.id().unwrap_or_default();
    lease.guard(group);
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(NotMade::Source(format!("{program}: no pipe")));
    };
    let said = tokio::spawn(async move {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text).await;
        text
    });
    let failed = Arc::new(OnceLock::new());
    let archive = ReaderStream::with_capacity(stdout, 1 << 18).chain(verdict(program.clone(), child, failed.clone()));
    let imported = engine.import(archive, image).await;
    lease.unguard(group);
    let said = said.await.unwrap_or_default();
    drop(folder);
    imported.map_err(|error| not_made(&program, &said, failed.get(), error))
}

/// Whose fault it was: an engine that takes no more ends the command, too, but then the command has not failed by itself.
fn not_made(program: &str, said: &str, failed: Option<&String>, of_engine: Error) -> NotMade {
    let Some(status) = failed else { return NotMade::Machine(of_engine) };
    let mut last = said.lines().rev().take(10).collect::<Vec<_>>();
    last.reverse();
    let seen = format!("{}\n{status}", last.join("\n"));
    if said.to_lowercase().contains(DISK_FULL) {
        let folder = std::env::temp_dir();
        let failure = Failure::new(program, "make a root file system").saw(seen);
        let hint = format!("the disk of {} is full; make room, or name another folder with TMPDIR", folder.display());
        return NotMade::Machine(Error::Build(failure.hint(hint)));
    }
    NotMade::Source(seen)
}

/// The end of the archive: nothing when the command succeeded, an error that aborts the import when it did not, which is
/// noted in `failed`.
fn verdict(
    program: String,
    mut child: Child,
    failed: Arc<OnceLock<String>>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::once(async move {
        let status = child.wait().await?;
        if status.success() {
            return Ok(Bytes::new());
        }
        let why = failed.get_or_init(|| format!("{program}: {status}"));
        Err(std::io::Error::other(why.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_failed_is_told_from_an_engine_and_from_a_full_disk() {
        let engine = || Error::Engine(Failure::new("container engine", "import it").saw("stopped answering"));
        let status = "mmdebstrap: exit status: 25".to_owned();
        let ended = |said, failed| not_made("mmdebstrap", said, failed, engine());
        assert!(
            matches!(ended("E: no route", Some(&status)), NotMade::Source(why) if why.starts_with("E: no route\nmm"))
        );
        assert!(matches!(ended("E: Broken pipe", None), NotMade::Machine(Error::Engine(_))));
        let full = ended("cp: write error: No space left on device", Some(&status));
        assert!(matches!(full, NotMade::Machine(Error::Build(why)) if why.to_string().contains("TMPDIR")));
    }
}
