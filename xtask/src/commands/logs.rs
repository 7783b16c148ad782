//! `logs`: the journal of a VPS, or its container's log where it has no systemd.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use harness::Vps;
use harness::engine::ContainerState;
use harness::ssh::Attach;
use harness::wait::{Seen, wait_until};
use tokio::io::{AsyncWriteExt, empty, stderr, stdout};

use super::common::kept_vps;
use crate::cli::{Global, Logs};

/// How long after the last connection a VPS that ends may still be there.
const ENDING: Duration = Duration::from_secs(10);

pub async fn run(global: &Global, words: Logs) -> anyhow::Result<()> {
    let vps = kept_vps(global, words.name.as_deref()).await?;
    if let Some(command) = vps.journal_command(words.follow) {
        let session = vps.ssh().await?;
        let attach = Attach { input: empty(), output: stdout(), errors: stderr(), terminal: None };
        let shown = session.attach(Some(command), attach).await;
        session.close().await;
        return match shown {
            // whoever follows a journal sees the end of the VPS, too
            Err(_) if words.follow && is_gone(&vps).await => Ok(()),
            shown => Ok(shown.map(|_| ())?),
        };
    }
    let mut log = pin!(vps.container_log(words.follow));
    while let Some(piece) = log.next().await {
        stdout().write_all(piece?.0.as_bytes()).await?;
    }
    Ok(stdout().flush().await?)
}

/// Whether a VPS that no longer answers has been stopped or removed.
async fn is_gone(vps: &Vps) -> bool {
    let gone = wait_until(ENDING, "the end of the VPS", || async {
        match vps.state().await {
            Ok(None | Some(ContainerState::Stopped)) => Seen::Ready(()),
            Ok(Some(state)) => Seen::NotYet(format!("{state:?}")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    gone.await.is_ok()
}
