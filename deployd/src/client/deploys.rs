//! `deployd deploys`: the deploys of the past.

use serde_json::Value;

use super::select::select;
use super::status::{short, short_time, text};
use super::terminal::{json, table};
use crate::cli::words::Show;
use crate::error::Result;

/// Prints the daemon's deploys.
pub(super) async fn deploys(words: &Show) -> Result<()> {
    let answer = select(&words.on)?.server.get("/deploys").await?;
    let deploys = &answer.data["deploys"];
    if words.json {
        return json(deploys);
    }
    let rows: Vec<Vec<String>> = deploys.as_array().into_iter().flatten().map(row).collect();
    table(&["STARTED", "OUTCOME", "COMMIT", "MESSAGE"], &rows)
}

fn row(deploy: &Value) -> Vec<String> {
    let first = |key| text(deploy, key).lines().next().unwrap_or_default();
    // why it failed says more than what it was
    let message = if first("error").is_empty() { first("commit_message") } else { first("error") };
    let cells = [short_time(text(deploy, "started_at")), text(deploy, "outcome"), short(text(deploy, "commit_hash"))];
    cells.into_iter().chain([message]).map(str::to_owned).collect()
}
