//! A VPS from the bootstrapped snapshot until its daemon answers, against a bootstrap on a bare one.

use std::future::Future;
use std::time::{Duration, Instant};

use harness::catalog::System;
use harness::deployer::{Deployd, Deployer};
use harness::{Result, TestEnv, Vps, VpsRequest};

use super::row::{Comparison, Row};

/// What the row is called.
pub const WHAT: &str = "start from the bootstrapped snapshot to daemon status 200";
const ROUNDS: usize = 3;

pub async fn run(env: &TestEnv, deployd: &Deployd, system: &System) -> anyhow::Result<Row> {
    // made once per system and content: no part of a start
    deployd.snapshot(env, system).await?;
    let against = "bootstrap on a bare VPS";
    let comparison = Comparison { what: WHAT.to_owned(), against, goal: 0.15, rounds: ROUNDS };
    let start = async || deployd.ready_vps(env, system).await?.start(env).await;
    let from_snapshot = async || until_status(deployd, Box::pin(start())).await;
    let from_bare = async || until_status(deployd, VpsRequest::new(system).start(env)).await;
    comparison.run(from_snapshot, from_bare).await
}

/// From the request for a VPS until the daemon on it has told its status. Both sides run the same bootstrap, which makes
/// keys and secrets of this VPS alone and leaves out what is there already.
async fn until_status(deployd: &Deployd, starting: impl Future<Output = Result<Vps>>) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let vps = starting.await?;
    let told = async {
        let access = deployd.bootstrap(&vps, &[], &|_| {}).await?;
        deployd.status(&vps, &access).await
    };
    let told = told.await;
    let elapsed = start.elapsed();
    vps.close().await?;
    told?;
    Ok(elapsed)
}
