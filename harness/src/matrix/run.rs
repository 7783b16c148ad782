//! Running the matrix: images first, then scenarios side by side as memory and processors allow.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use super::cells::Cell;
use super::scenarios::{Case, ScenarioBinary, Setting};
use crate::error::Result;
use crate::image::vps_image;
use crate::report::{CellReport, MatrixReport, Outcome, ScenarioReport};
use crate::testenv::TestEnv;
use crate::wait::millis_since;

/// What a scenario may need at its peak: a VPS with its own engine that builds an image.
const MEMORY_PER_SCENARIO: i64 = 1 << 30;
/// How long one scenario may take.
pub(super) const DEADLINE: Duration = Duration::from_mins(15);

/// What is to be run, and where its results go.
pub struct Plan {
    /// The systems.
    pub cells: Vec<Cell>,
    /// The scenarios.
    pub binary: ScenarioBinary,
    /// Only scenarios whose name holds this.
    pub filter: String,
    /// How many run side by side; as the machine allows without it.
    pub jobs: Option<usize>,
    /// Where reports and bundles go.
    pub report: PathBuf,
    /// Environment variables of every scenario.
    pub variables: Vec<(String, String)>,
}

/// Something that a person who watches wants to know.
pub enum Event<'a> {
    /// A scenario ended.
    Ended(&'a Cell, &'a ScenarioReport),
    /// The images of a system could not be made.
    NoImage(&'a Cell, &'a crate::error::Error),
}

/// Runs the plan; a system whose images cannot be made fails all its scenarios and holds up no other.
pub async fn run(env: &TestEnv, plan: &Plan, on_event: &(dyn Fn(&Event<'_>) + Sync)) -> Result<MatrixReport> {
    let start = Instant::now();
    let available: Vec<&Cell> = plan.cells.iter().filter(|cell| cell.is_available()).collect();
    // a base is fetched while another unpacks: two at once keep network and disk busy
    let building = Semaphore::new(2);
    let running = Semaphore::new(jobs(env, plan.jobs).await?);
    let _ = env.stock().await?;
    let mut cells: Vec<CellReport> = plan.cells.iter().map(empty).collect();
    let work: FuturesUnordered<_> =
        available.iter().map(|cell| run_cell(env, plan, cell, &building, &running, on_event)).collect();
    let done: Vec<(&Cell, Vec<ScenarioReport>)> = work.collect().await;
    for (cell, scenarios) in done {
        let report = cells.iter_mut().find(|it| (&it.os, &it.version) == (&cell.system.os, &cell.system.version));
        if let Some(report) = report {
            report.scenarios = scenarios;
        }
    }
    Ok(MatrixReport::new(cells, millis_since(start)))
}

/// How many scenarios run side by side: what was asked for, else what this machine can bear. Much of their time is waiting
/// for the network and the disk.
pub(super) async fn jobs(env: &TestEnv, asked: Option<usize>) -> Result<usize> {
    if let Some(jobs) = asked {
        return Ok(jobs.max(1));
    }
    let about = env.engine().about().await?;
    let by_memory = about.memory_bytes / MEMORY_PER_SCENARIO;
    Ok(usize::try_from((about.cpus * 2).min(by_memory)).unwrap_or(1).max(1))
}

async fn run_cell<'a>(
    env: &TestEnv,
    plan: &Plan,
    cell: &'a Cell,
    building: &Semaphore,
    running: &Semaphore,
    on_event: &(dyn Fn(&Event<'_>) + Sync),
) -> (&'a Cell, Vec<ScenarioReport>) {
    let cases = plan.binary.cases(&cell.system, &plan.filter);
    let failed = |case: &Case| ScenarioReport {
        name: case.scenario.clone(),
        outcome: Outcome::Failed,
        duration_ms: 0,
        bundle: None,
    };
    {
        let _turn = building.acquire().await;
        if let Err(error) = images(env, cell).await {
            on_event(&Event::NoImage(cell, &error));
            return (cell, cases.iter().map(failed).collect());
        }
    }
    let state = plan.report.join("state");
    let setting = Setting {
        lease: env.lease(),
        report: &plan.report,
        state: &state,
        variables: &plan.variables,
        deadline: DEADLINE,
    };
    let one = async |case: &Case| {
        let _turn = running.acquire().await;
        let report = plan.binary.run(&cell.system, case, &setting).await.unwrap_or_else(|error| {
            tracing::error!("{error}");
            failed(case)
        });
        on_event(&Event::Ended(cell, &report));
        report
    };
    let mut reports: Vec<ScenarioReport> = futures_util::future::join_all(cases.iter().map(one)).await;
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    (cell, reports)
}

/// Makes the images once, before several scenarios want them at the same time.
pub(super) async fn images(env: &TestEnv, cell: &Cell) -> Result<()> {
    let base = env.sources().obtain(env.engine(), env.lease(), &cell.system, env.progress()).await?;
    vps_image(env.engine(), env.lease(), &cell.system, &base, env.progress()).await?;
    Ok(())
}

fn empty(cell: &Cell) -> CellReport {
    CellReport {
        os: cell.system.os.clone(),
        version: cell.system.version.clone(),
        available: cell.is_available(),
        reason: cell.reason(),
        scenarios: Vec::new(),
    }
}
