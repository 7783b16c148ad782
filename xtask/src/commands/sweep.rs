//! `sweep`: removes everything of this tool whose owner is gone or whose time is up.

use harness::Engine;
use harness::lease::sweep;

use super::common::workspace;
use crate::cli::Global;

pub async fn run(global: &Global) -> anyhow::Result<()> {
    let (workspace, engine) = (workspace(global)?, Engine::connect().await?);
    // first, while their state still tells of all that belongs to them
    let expired = workspace.remove_expired(&engine).await?.into_iter().map(|vps| vps.name);
    let swept = sweep(&engine).await?.containers;
    let removed: Vec<String> = expired.chain(swept).collect();
    for name in &removed {
        println!("{name}");
    }
    eprintln!("{} removed", removed.len());
    Ok(())
}
