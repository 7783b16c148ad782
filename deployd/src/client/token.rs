//! `deployd remote token`: an admin token for a machine.

use super::select::named;
use super::status::text;
use super::terminal::line;
use crate::cli::words::Named;
use crate::error::Result;

/// Prints a new token; the one that this machine uses stays as it is.
pub(super) async fn token(words: &Named) -> Result<()> {
    let answer = named(words.name.as_deref())?.server.get("/token").await?;
    line(text(&answer.data, "token"))
}
