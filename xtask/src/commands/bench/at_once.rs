//! Many VPSes at once: twenty against the plain tools; fifty for their memory, their listing and their end.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::{join_all, try_join_all};
use harness::catalog::{Init, System};
use harness::{Settings, TestEnv, VpsRequest, Workspace};
use tokio::process::Command;

use super::child::{self, stdout};
use super::row::{Comparison, Figure, Row, median};
use super::warm_start::plain;
use crate::cli::Global;
use crate::commands::common::{say, settings};

/// What the rows are called.
pub const TWENTY: &str = "20 VPSes at once, sshd";
pub const START: &str = "start of 50 VPSes at once, systemd";
pub const MEMORY: &str = "idle memory of 50 VPSes, systemd, without page cache";
pub const LIST: &str = "list of 50 VPSes, beyond docker ps";
pub const DOWN: &str = "down --all of 50 VPSes";
const SOME: usize = 20;
const MANY: usize = 50;
const ROUNDS: usize = 3;
const LISTS: usize = 9;
/// What `list` tells as well. `{{json .}}` would have the engine measure the disk of each, which takes minutes.
const LISTED: &str = "{{.ID}} {{.Names}} {{.State}} {{.RunningFor}} {{.Ports}} {{.Labels}}";
/// As many as somebody at a shell would start side by side.
const BY_HAND: usize = 4;

/// Twenty of this library against `docker run`.
pub async fn twenty(env: &TestEnv, system: &System) -> anyhow::Result<Row> {
    let plain = plain(env, system).await?;
    let against = "docker run four at a time, and OpenSSH clients polling";
    let comparison = Comparison { what: TWENTY.to_owned(), against, goal: 1.1, rounds: ROUNDS };
    let ours = async || {
        let start = Instant::now();
        let started = join_all((0..SOME).map(|_| VpsRequest::new(system).with_init(Init::Sshd).start(env))).await;
        let elapsed = start.elapsed();
        let vpses = started.into_iter().collect::<Result<Vec<_>, _>>()?;
        try_join_all(vpses.into_iter().map(harness::Vps::close)).await?;
        Ok(elapsed)
    };
    comparison.run(ours, async || plain.start_many(Init::Sshd, SOME, BY_HAND).await).await
}

/// Fifty that a workspace of their own keeps.
pub async fn fifty(global: &Global, system: &System) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let env = TestEnv::open_with(Settings { workspace: Workspace::at(folder.path())?, ..settings(global)? }).await?;
    // goes before the lease does: whoever removes what an interrupted run left keeps what the files in it name
    let state = folder;
    say(&format!("{MANY} VPSes at once"));
    let measured = Box::pin(measure(global, &env, system, state.path())).await;
    // one that failed on the way leaves the others to be removed
    let left = env.workspace().vpses()?;
    let removed = join_all(left.iter().map(|info| env.remove(info))).await;
    env.close().await?;
    removed.into_iter().collect::<Result<Vec<_>, _>>()?;
    measured
}

async fn measure(global: &Global, env: &TestEnv, system: &System, state: &Path) -> anyhow::Result<Vec<Row>> {
    env.stock().await?;
    let start = Instant::now();
    let request = |number| VpsRequest::new(system).with_name(format!("crowd-{number}")).kept().start(env);
    let vpses = join_all((0..MANY).map(request)).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let started = start.elapsed();
    // each takes a command of a new login as well, with all the others there
    try_join_all(vpses.iter().map(async |vps| vps.ssh().await?.run("true").await)).await?;
    let memory: u64 = try_join_all(vpses.iter().map(harness::Vps::memory)).await?.into_iter().sum();
    let list = list(global, env, state).await?;
    let down = own(global, env, state, &["down", "--all"]).await?;
    ensure!(env.workspace().vpses()?.is_empty(), "down --all left VPSes");
    #[expect(clippy::cast_precision_loss, reason = "bytes of memory, shown in megabytes")]
    let memory = memory as f64 / 1e6;
    Ok(vec![
        figure(START, millis(started), "ms", None),
        figure(MEMORY, memory, "MB", Some(1000.0)),
        figure(LIST, list, "ms", Some(50.0)),
        figure(DOWN, millis(down), "ms", Some(5000.0)),
    ])
}

/// By how many milliseconds `list` is slower than the engine's own.
async fn list(global: &Global, env: &TestEnv, state: &Path) -> anyhow::Result<f64> {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..LISTS {
        ours.push(own(global, env, state, &["list", "--json"]).await?);
        let start = Instant::now();
        let mut all = Command::new("docker");
        stdout(env.lease(), all.args(["ps", "--all", "--no-trunc", "--format", LISTED])).await?;
        plain.push(start.elapsed());
    }
    Ok(millis(median(ours)) - millis(median(plain)))
}

/// Runs this program's own command, as a person does; answers how long it took.
async fn own(global: &Global, env: &TestEnv, state: &Path, words: &[&str]) -> anyhow::Result<Duration> {
    let start = Instant::now();
    stdout(env.lease(), child::own(global, words)?.arg("--state-dir").arg(state)).await?;
    Ok(start.elapsed())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn figure(what: &'static str, value: f64, unit: &'static str, goal: Option<f64>) -> Row {
    Row::Figure(Figure { what, value, unit, goal })
}
