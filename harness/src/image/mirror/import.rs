//! The root file system that a tool of this machine writes to its standard output, streamed into the engine.

use std::process::Stdio;

use bytes::Bytes;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio_util::io::ReaderStream;

use crate::Engine;
use crate::engine::Imported;
use crate::lease::Lease;

/// A command that writes a root file system as a tar archive, and the folder with what it needs.
pub(super) struct Maker {
    pub command: Command,
    pub folder: TempDir,
}

/// Runs the command and imports what it writes; the text of a failure is what it said last.
pub(super) async fn import(maker: Maker, engine: &Engine, lease: &Lease, image: Imported<'_>) -> Result<(), String> {
    let Maker { mut command, folder } = maker;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let group = child.id().unwrap_or_default();
    lease.guard(group);
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(format!("{program}: no pipe"));
    };
    let said = tokio::spawn(async move {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text).await;
        text
    });
    let archive = ReaderStream::with_capacity(stdout, 1 << 18).chain(verdict(program, child));
    let imported = engine.import(archive, image).await;
    lease.unguard(group);
    let said = said.await.unwrap_or_default();
    drop(folder);
    imported.map_err(|error| {
        let last = said.lines().rev().take(10).collect::<Vec<_>>();
        format!("{}\n{error}", last.into_iter().rev().collect::<Vec<_>>().join("\n"))
    })
}

/// The end of the archive: nothing when the command succeeded, an error that aborts the import when it did not.
fn verdict(program: String, mut child: Child) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::once(async move {
        let status = child.wait().await?;
        if status.success() { Ok(Bytes::new()) } else { Err(std::io::Error::other(format!("{program}: {status}"))) }
    })
}
