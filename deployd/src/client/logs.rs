//! `deployd logs`: what a container printed, and what it goes on printing.

use super::answer::strings;
use super::follow::follow;
use super::http::encoded;
use super::select::select;
use super::terminal::line;
use crate::cli::words::Logs;
use crate::error::Result;

/// Prints a container's lines.
pub(super) async fn logs(words: &Logs) -> Result<()> {
    let server = select(&words.on)?.server;
    let container = encoded(words.container.as_deref().unwrap_or_default());
    let path = format!("/logs?container={container}&entries={}", words.entries);
    if words.follow {
        return follow(&server, &format!("{path}&stream=true")).await;
    }
    let answer = server.get(&path).await?;
    strings(&answer.data["logs"]).iter().try_for_each(|text| line(text))
}
