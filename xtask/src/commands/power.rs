//! `stop`, `start` and `reboot`: the power of a VPS.

use super::common::{kept_vps, say};
use crate::cli::{Global, OneVps};

pub async fn stop(global: &Global, words: OneVps) -> anyhow::Result<()> {
    let vps = kept_vps(global, words.name.as_deref()).await?;
    vps.stop().await?;
    say(&format!("{} is off; {} start {}", vps.subject(), harness::command_line(), vps.info().name));
    Ok(())
}

pub async fn start(global: &Global, words: OneVps) -> anyhow::Result<()> {
    let vps = kept_vps(global, words.name.as_deref()).await?;
    vps.start().await?;
    say(&format!("{} is on", vps.subject()));
    Ok(())
}

pub async fn reboot(global: &Global, words: OneVps) -> anyhow::Result<()> {
    let vps = kept_vps(global, words.name.as_deref()).await?;
    vps.reboot().await?;
    say(&format!("{} has rebooted", vps.subject()));
    Ok(())
}
