//! `logs`: the journal of a VPS, or its container's log where it has no systemd.

use std::pin::pin;

use futures_util::StreamExt;
use harness::ssh::Attach;
use tokio::io::{AsyncWriteExt, empty, stderr, stdout};

use super::common::kept_vps;
use crate::cli::{Global, Logs};

pub async fn run(global: &Global, words: Logs) -> anyhow::Result<()> {
    let vps = kept_vps(global, words.name.as_deref()).await?;
    if let Some(command) = vps.journal_command(words.follow) {
        let session = vps.ssh().await?;
        let attach = Attach { input: empty(), output: stdout(), errors: stderr(), terminal: None };
        session.attach(Some(command), attach).await?;
        session.close().await;
        return Ok(());
    }
    let mut log = pin!(vps.container_log(words.follow));
    while let Some(piece) = log.next().await {
        stdout().write_all(piece?.0.as_bytes()).await?;
    }
    Ok(stdout().flush().await?)
}
