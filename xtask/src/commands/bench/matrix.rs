//! The matrix with as many scenarios side by side as it chooses, against one at a time.

use std::time::Duration;

use harness::TestEnv;
use harness::deployer::Deployd;
use harness::lease::Lease;
use harness::matrix::cells;
use harness::report::MatrixReport;

use super::child::{own, stdout};
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
    let run = async |jobs: &[&str]| matrix(global, env.lease(), jobs).await;
    comparison.run(async || run(&[]).await, async || run(&["--jobs", "1"]).await).await
}

/// Runs this program's own `matrix`, as a person does; answers how long its report says that it took.
async fn matrix(global: &Global, lease: &Lease, jobs: &[&str]) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let mut command = own(global, &["matrix", "--os", SYSTEMS, "--scenario", SCENARIOS])?;
    command.args(jobs).arg("--report").arg(folder.path()).arg("--state-dir").arg(folder.path());
    stdout(lease, &mut command).await?;
    let report: MatrixReport = serde_json::from_slice(&std::fs::read(folder.path().join("report.json"))?)?;
    Ok(Duration::from_millis(report.wall_ms))
}
