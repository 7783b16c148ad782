//! `snapshot` and `snapshots`: states of VPSes to start others from.

use harness::vps::Snapshot;
use harness::{TestEnv, VpsRequest};

use super::common::{engine, print_json, say, table, with_env, workspace};
use crate::cli::{Global, Snapshots, TakeSnapshot, Testenv};
use crate::daemon;
use crate::exit::{INTERRUPTED, Status, interrupted};

pub async fn take(global: &Global, words: TakeSnapshot) -> anyhow::Result<()> {
    let info = workspace(global)?.find_vps(Some(&words.name))?;
    let snapshot = with_env(global, async |env| {
        let vps = env.attach(info)?;
        say(&format!("freeze {}; its container engine rests meanwhile", vps.subject()));
        let stop = async {
            interrupted().await;
            anyhow::Error::from(Status(INTERRUPTED))
        };
        vps.snapshot_unless(env, &words.snapshot, stop).await
    })
    .await?;
    let system = snapshot.system().split(" on ").next().unwrap_or_default();
    println!("{} testenv {system} --from {}", harness::command_line(), snapshot.name());
    Ok(())
}

pub async fn list(global: &Global, words: Snapshots) -> anyhow::Result<()> {
    let workspace = workspace(global)?;
    let engine = engine(&workspace).await?;
    if let Some(name) = words.remove {
        Snapshot::named(&engine, &workspace, &name).await?.remove(&engine).await?;
        say(&format!("snapshot {name} is gone"));
        return Ok(());
    }
    let all = Snapshot::all(&engine, &workspace).await?;
    if words.json.json {
        return print_json(&all);
    }
    if all.is_empty() {
        eprintln!("no snapshot here; {} snapshot NAME SNAPSHOT makes one of a VPS", harness::command_line());
        return Ok(());
    }
    let mut table = table(&["SNAPSHOT", "SYSTEM", "SIZE", "AGE"]);
    for it in all {
        let megabytes = format!("{} MB", it.size_bytes / 1_000_000);
        table.add_row([it.name, it.system, megabytes, super::images::age(it.created).unwrap_or_default()]);
    }
    println!("{table}");
    Ok(())
}

/// A request for a VPS of the system in `testenv`'s words, from the snapshot that they name.
pub async fn request(env: &TestEnv, words: &Testenv) -> anyhow::Result<VpsRequest> {
    let request = env.vps(&words.os, &words.version)?;
    match words.from.as_deref() {
        None => Ok(request),
        Some(harness::vps::BOOTSTRAPPED) => {
            let deployd = daemon::deployd_for(env, words.arch.unwrap_or_else(|| env.arch())).await?;
            let snapshot = deployd.snapshot(env, env.system(&words.os, &words.version)?).await?;
            Ok(request.with_snapshot(&snapshot))
        }
        Some(name) => Ok(request.with_snapshot(&Snapshot::named(env.engine(), env.workspace(), name).await?)),
    }
}
