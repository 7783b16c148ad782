//! `testenv` from a warm cache to an authenticated command, against `docker run` and a client that polls.

use std::time::{Duration, Instant};

use harness::TestEnv;
use harness::catalog::{Init, System};
use harness::image::vps_image;
use harness::lease::Lease;
use tempfile::TempDir;

use super::child::{own, stdout};
use super::plain::Plain;
use super::row::{Comparison, Row};
use crate::cli::Global;

/// What the rows are called, for each way to start.
pub const WHAT: [(Init, &str); 2] = [
    (Init::Sshd, "warm testenv to an authenticated command, sshd"),
    (Init::Systemd, "warm testenv to an authenticated command, systemd"),
];
const ROUNDS: usize = 9;

pub async fn run(global: &Global, env: &TestEnv, system: &System, init: Init, what: &str) -> anyhow::Result<Row> {
    let plain = plain(env, system).await?;
    let state = State(tempfile::tempdir()?);
    let comparison = Comparison {
        what: what.to_owned(),
        against: "docker run and an OpenSSH client polling, same image",
        goal: 1.0,
        rounds: ROUNDS,
    };
    let ours = async || testenv(global, env.lease(), &state, system, init).await;
    comparison.run(ours, async || plain.start(init).await).await
}

/// The plain way to start a system, everything that both ways need being there.
pub async fn plain<'a>(env: &'a TestEnv, system: &System) -> anyhow::Result<Plain<'a>> {
    let base = env.sources().obtain(env.engine(), env.lease(), system, env.progress()).await?;
    let image = vps_image(env.engine(), env.lease(), system, &base, env.progress()).await?;
    env.stock().await?;
    Plain::new(env.lease(), image)
}

/// A state folder of its own; whatever ends the row, the VPS that it keeps goes before it.
struct State(TempDir);

impl Drop for State {
    fn drop(&mut self) {
        let Ok(program) = std::env::current_exe() else { return };
        let mut down = std::process::Command::new(program);
        // nothing is there, unless the row was interrupted
        let _ = down.args(["down", "--all", "--state-dir"]).arg(self.0.path()).output();
    }
}

/// Runs this program's own `testenv`, as a person does, and takes the VPS down again outside the measured time.
async fn testenv(
    global: &Global,
    lease: &Lease,
    state: &State,
    system: &System,
    init: Init,
) -> anyhow::Result<Duration> {
    let run = async |words: &[&str]| stdout(lease, own(global, words)?.arg("--state-dir").arg(state.0.path())).await;
    let start = Instant::now();
    run(&["testenv", &system.os, &system.version, "--name", "bench", "--init", &init.to_string(), "--json"]).await?;
    let elapsed = start.elapsed();
    run(&["down", "bench"]).await?;
    Ok(elapsed)
}
