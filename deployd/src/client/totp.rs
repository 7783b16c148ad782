//! `deployd user totp`: the second factor of whoever is logged in.

use serde_json::json;

use super::answer::strings;
use super::select::select;
use super::status::text;
use super::terminal::{line, say};
use crate::cli::words::On;
use crate::error::Result;

/// Demands a code at each login; what is printed is never shown again.
pub(super) async fn enable(on: &On) -> Result<()> {
    let answer = select(on)?.server.post("/user/totp/enable", &json!({})).await?;
    let totp = &answer.data["totp"];
    line(&format!("secret  {}", text(totp, "secret")))?;
    strings(&totp["backup_codes"]).iter().try_for_each(|code| line(&format!("backup  {code}")))?;
    say("put the secret into an authenticator, and the backup codes, each of which works once, in a safe place");
    Ok(())
}

/// Demands no code any more.
pub(super) async fn disable(on: &On) -> Result<()> {
    say(&select(on)?.server.post("/user/totp/disable", &json!({})).await?.message);
    Ok(())
}
