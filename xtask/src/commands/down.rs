//! `down`: removes VPSes with everything that belongs to them.

use super::common::{say, with_env, workspace};
use crate::cli::{Down, Global};

pub async fn run(global: &Global, words: Down) -> anyhow::Result<()> {
    let workspace = workspace(global)?;
    let known = workspace.vpses()?;
    // every name is looked up before anything is removed: a wrong one loses nothing
    let chosen = if words.all {
        known
    } else {
        // also one whose time is up
        let written_down = |name: &String| known.iter().find(|info| info.name == *name).cloned();
        let chosen =
            words.names.iter().map(|name| written_down(name).map_or_else(|| workspace.find_vps(Some(name)), Ok));
        chosen.collect::<Result<Vec<_>, _>>()?
    };
    if chosen.is_empty() {
        eprintln!("no VPS here");
        return Ok(());
    }
    with_env(global, async |env| {
        let removed = chosen.iter().map(|info| env.remove(info));
        for (info, removed) in chosen.iter().zip(futures_util::future::join_all(removed).await) {
            removed?;
            say(&format!("{} is gone", info.name));
        }
        Ok(())
    })
    .await
}
