//! Running the matrix on an engine: what a cell needs, what its scenarios get, and the report of it all.

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::cells::Cell;
use super::durations::Durations;
use super::memory::Peak;
use super::scenarios::{Case, ScenarioBinary, Setting, Work};
use super::schedule::{Event, Schedule, Worker};
use super::tools;
use super::width::Width;
use crate::catalog::Arch;
use crate::deployer::{Command, Deployd, Deployer};
use crate::emulation;
use crate::error::{Error, Result};
use crate::image::vps_image;
use crate::report::{CellReport, MatrixReport, Memory, ScenarioReport};
use crate::testenv::TestEnv;
use crate::wait::millis_since;

/// How long one scenario may take.
pub(super) const DEADLINE: Duration = Duration::from_mins(15);

/// What is to be run, and where its results go.
pub struct Plan {
    /// The cells, and the scenarios of each.
    pub work: Vec<Work>,
    /// The scenarios.
    pub binary: ScenarioBinary,
    /// deployd, which they test, for each architecture of the cells.
    pub tools: Vec<Tool>,
    /// The deploy tool that they test in its place; deployd's snapshots are used all the same.
    pub deployer: Option<Command>,
    /// How many run side by side.
    pub width: Width,
    /// How long they take: the longest begin first.
    pub durations: Durations,
    /// Whether the first failure ends the run.
    pub fail_fast: bool,
    /// Where reports and bundles go.
    pub report: PathBuf,
    /// The state folder of the scenarios.
    pub state: PathBuf,
    /// Environment variables of every scenario.
    pub variables: Vec<(String, String)>,
}

/// deployd for VPSes of one architecture.
pub struct Tool {
    /// The tool.
    pub deployer: Deployd,
    /// Environment variables that tell a scenario of it.
    pub variables: Vec<(String, String)>,
}

impl Plan {
    fn tool(&self, arch: Arch) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.deployer.arch() == arch)
    }
}

/// Runs the plan until all is done or `stop` is; a system whose images cannot be made fails all its scenarios and holds up
/// no other. What runs at the end of `stop` is ended with the lease of `env`, and reported as not run.
pub async fn run(
    env: &TestEnv,
    plan: &Plan,
    stop: impl Future<Output = ()>,
    on_event: &(dyn Fn(&Event<'_>) + Sync),
) -> Result<MatrixReport> {
    let start = Instant::now();
    let _ = env.stock().await?;
    let (peak, worker) = (Peak::default(), OnEngine { env, plan });
    let schedule = Schedule {
        work: &plan.work,
        jobs: plan.width.jobs,
        durations: &plan.durations,
        fail_fast: plan.fail_fast,
        on_event,
    };
    let ended = tokio::select! {
        ended = schedule.run(&worker, stop) => ended,
        never = peak.watch(env) => match never {},
        never = tools::make(env, plan) => match never {},
    };
    let cells = plan.work.iter().zip(ended.reports).map(|(work, reports)| cell_report(work, reports)).collect();
    let mut report = MatrixReport::new(cells, millis_since(start));
    report.stopped = ended.stopped;
    report.deployer = plan.deployer.as_ref().map(|tool| tool.name().to_owned());
    report.memory = Some(Memory { planned_bytes: plan.width.memory_bytes(), peak_bytes: peak.bytes() });
    Ok(report)
}

/// The report of cells none of which this machine can run.
#[must_use]
pub fn none_can_run(cells: &[Cell], is_required: impl Fn(&Cell) -> bool) -> MatrixReport {
    let work = cells.iter().map(|cell| Work { cell: cell.clone(), cases: Vec::new(), required: is_required(cell) });
    MatrixReport::new(work.map(|work| cell_report(&work, Vec::new())).collect(), 0)
}

/// The work as it is done: on the engine, each scenario in a process of its own.
struct OnEngine<'a> {
    env: &'a TestEnv,
    plan: &'a Plan,
}

impl Worker for OnEngine<'_> {
    async fn prepare(&self, work: &Work) -> Result<()> {
        images(self.env, &work.cell).await?;
        // several scenarios would all wait for the first that makes it, each in the place of another; one makes its own
        if work.cases.len() > 1
            && let Some(tool) = self.plan.tool(work.cell.arch)
        {
            tool.deployer.ready_vps(self.env, &work.cell.system).await?;
        }
        Ok(())
    }

    async fn perform(&self, cell: &Cell, case: &Case) -> ScenarioReport {
        let Plan { binary, report, state, variables, .. } = self.plan;
        let (lease, engine) = (self.env.lease(), self.env.engine());
        let of_tool = self.plan.tool(cell.arch).map(|tool| tool.variables.as_slice()).unwrap_or_default();
        let variables = &[variables, of_tool].concat();
        let deadline = DEADLINE * emulation::patience(engine, cell.arch);
        let deployer = self.plan.deployer.as_ref();
        let (own, sources) = (engine.arch(), self.env.sources());
        let setting = Setting { lease, own, sources, report, state, deployer, variables, deadline };
        let ended = binary.run(cell, case, &setting).await;
        ended.unwrap_or_else(|error| case.not_begun(cell, report, &error))
    }

    fn without_image(&self, cell: &Cell, case: &Case, why: &Error) -> ScenarioReport {
        case.not_begun(cell, &self.plan.report, why)
    }
}

/// Makes the images once, before several scenarios want them at the same time.
pub(super) async fn images(env: &TestEnv, cell: &Cell) -> Result<()> {
    let base =
        env.sources().with_arch(cell.arch).obtain(env.engine(), env.lease(), &cell.system, env.progress()).await?;
    vps_image(env.engine(), env.lease(), &cell.system, &base, env.progress()).await?;
    Ok(())
}

fn cell_report(work: &Work, mut scenarios: Vec<ScenarioReport>) -> CellReport {
    let Work { cell, cases, required } = work;
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    let names = cases.iter().map(|case| &case.scenario).filter(|_| cell.is_available());
    let not_run = names.filter(|name| scenarios.iter().all(|it| it.name != **name)).cloned().collect();
    CellReport {
        os: cell.system.os.clone(),
        version: cell.system.version.clone(),
        arch: cell.arch,
        available: cell.is_available(),
        reason: cell.reason(),
        required: *required,
        scenarios,
        not_run,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenarios::tests::work;
    use super::*;
    use crate::image::Reach;
    use crate::report::Outcome;

    #[test]
    fn a_cell_names_what_did_not_run_unless_it_could_not() {
        let ran = |name: &str| ScenarioReport {
            name: name.to_owned(),
            outcome: Outcome::Passed,
            duration_ms: 1,
            bundle: None,
            why: None,
        };
        let mut work = work(1, ["b", "a", "c"]).remove(0);
        let report = cell_report(&work, vec![ran("b"), ran("a")]);
        let names = report.scenarios.iter().map(|it| it.name.as_str()).collect::<Vec<_>>();
        assert_eq!((names, report.not_run), (vec!["a", "b"], vec!["c".to_owned()]));
        work.cell.reach = Reach::No(vec!["no mirror".to_owned()]);
        assert!(cell_report(&work, Vec::new()).not_run.is_empty());
    }

    #[test]
    fn cells_of_which_none_can_run_are_reported_with_their_reason_and_the_required_ones_are_missing() {
        let mut cells: Vec<Cell> = work(2, ["a"]).into_iter().map(|work| work.cell).collect();
        for cell in &mut cells {
            cell.reach = Reach::No(vec!["no mirror".to_owned()]);
        }
        let wanted = cells[1].slug();
        let report = none_can_run(&cells, |cell| cell.slug() == wanted);
        assert_eq!((report.totals.cells, report.totals.unavailable, report.missing().count()), (2, 2, 1));
        assert!(report.cells.iter().all(|cell| cell.reason == "no mirror"), "{report:?}");
    }
}
