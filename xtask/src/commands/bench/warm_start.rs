//! `testenv` from a warm cache to an authenticated command, against `docker run` and a client that polls.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use harness::TestEnv;
use harness::catalog::{Init, System};
use harness::image::vps_image;

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
    let state = tempfile::tempdir()?;
    let comparison = Comparison {
        what: what.to_owned(),
        against: "docker run and an OpenSSH client polling, same image",
        goal: 1.0,
        rounds: ROUNDS,
    };
    comparison.run(async || testenv(global, state.path(), system, init), async || plain.start(init)).await
}

/// The plain way to start a system, everything that both ways need being there.
pub async fn plain(env: &TestEnv, system: &System) -> anyhow::Result<Plain> {
    let base = env.sources().obtain(env.engine(), env.lease(), system, env.progress()).await?;
    let image = vps_image(env.engine(), env.lease(), system, &base, env.progress()).await?;
    env.stock().await?;
    Plain::new(image, env.lease().labels("bench"))
}

/// Runs this program's own `testenv`, as a person does, and takes the VPS down again outside the measured time.
fn testenv(global: &Global, state: &Path, system: &System, init: Init) -> anyhow::Result<Duration> {
    let program = std::env::current_exe()?;
    let command = |words: &[&str]| -> anyhow::Result<()> {
        let mut command = Command::new(&program);
        command.args(words).arg("--state-dir").arg(state);
        if global.no_install {
            command.arg("--no-install");
        }
        let output = command.stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    let start = Instant::now();
    command(&["testenv", &system.os, &system.version, "--name", "bench", "--init", &init.to_string(), "--json"])?;
    let elapsed = start.elapsed();
    command(&["down", "bench"])?;
    Ok(elapsed)
}
