//! The matrix with as many scenarios side by side as it chooses, against one at a time.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::ensure;
use harness::TestEnv;
use harness::deployer::Deployd;
use harness::matrix::cells;
use harness::report::MatrixReport;

use super::row::{Comparison, Row};
use crate::cli::Global;

/// What the row is called.
pub const WHAT: &str = "matrix, jobs auto";
/// The cells.
const SYSTEMS: &str = "debian";
/// What runs on each: some that wait more and some that compute more, and few enough for a measurement.
const SCENARIOS: &str = "first_deploy";
const ROUNDS: usize = 1;

pub async fn run(global: &Global, env: &TestEnv, deployd: &Deployd) -> anyhow::Result<Row> {
    // images and snapshots are made once per system and content: no part of a run
    for cell in cells(env.engine(), env.sources(), env.catalog(), &[SYSTEMS.to_owned()], &[]).await? {
        if cell.is_available() {
            deployd.snapshot(env, &cell.system).await?;
        }
    }
    let comparison = Comparison { what: WHAT.to_owned(), against: "jobs 1", goal: 0.6, rounds: ROUNDS };
    comparison.run(async || matrix(global, &[]), async || matrix(global, &["--jobs", "1"])).await
}

/// Runs this program's own `matrix`, as a person does; answers how long its report says that it took.
fn matrix(global: &Global, jobs: &[&str]) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["matrix", "--os", SYSTEMS, "--scenario", SCENARIOS]).args(jobs);
    command.arg("--report").arg(folder.path()).arg("--state-dir").arg(folder.path());
    if global.no_install {
        command.arg("--no-install");
    }
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "matrix {jobs:?}: {}", String::from_utf8_lossy(&output.stderr));
    let report: MatrixReport = serde_json::from_slice(&std::fs::read(folder.path().join("report.json"))?)?;
    Ok(Duration::from_millis(report.wall_ms))
}
