//! The commands that are one request and its message: rollback, down, prune, reset.

use serde_json::json;

use super::select::select;
use super::terminal::{line, say, sure};
use crate::cli::words::{On, Sure};
use crate::error::Result;

async fn post(on: &On, path: &str) -> Result<()> {
    let answer = select(on)?.server.work(path, &json!({})).await;
    let answer =
        answer.inspect_err(|failure| failure.last_lines().iter().for_each(|text| say(&format!("  {text}"))))?;
    line(&answer.message)
}

/// Returns to the deploy before.
pub(super) async fn rollback(on: &On) -> Result<()> {
    post(on, "/rollback").await
}

/// Stops the application.
pub(super) async fn down(on: &On) -> Result<()> {
    post(on, "/down").await
}

/// Removes what nothing uses.
pub(super) async fn prune(on: &On) -> Result<()> {
    post(on, "/prune").await
}

/// Removes the application with everything that it keeps.
pub(super) async fn reset(words: &Sure) -> Result<()> {
    sure(words.yes, "remove the application with everything in /persist")?;
    post(&words.on, "/reset").await
}
