//! `sweep`: removes everything of this tool whose owner is gone.

use harness::Engine;
use harness::lease::sweep;

use crate::cli::Global;

pub async fn run(_global: &Global) -> anyhow::Result<()> {
    let swept = sweep(&Engine::connect().await?).await?;
    for name in &swept.containers {
        println!("{name}");
    }
    eprintln!("{} containers removed", swept.containers.len());
    Ok(())
}
