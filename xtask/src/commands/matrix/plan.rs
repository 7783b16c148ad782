//! What a run does: its cells and scenarios, how many at a time, and with which programs.

use std::path::{Path, PathBuf};

use anyhow::Context;
use harness::catalog::Arch;
use harness::deployer::{Command, DEPLOYER_VARIABLE, Deployd};
use harness::lease::Lease;
use harness::matrix::{Cell, Durations, Plan, ScenarioBinary, Tool, Width, Work, cells, none_can_run, unknown_filter};
use harness::report::MatrixReport;
use harness::{Error, Failure, TestEnv};

use crate::build::{Build, sources};
use crate::cli::{Global, Matrix};
use crate::commands::common::{say, workspace};
use crate::daemon;

/// Where reports go unless told otherwise; no VPS can have this name.
const REPORT_FOLDER: &str = "matrix_report";
/// Tells a scenario that its VPS shall stay if it fails.
const KEEP_FAILED: &str = "TESTENV_KEEP_FAILED";

/// What there is to do.
pub enum Planned {
    /// This.
    Run(Box<Plan>),
    /// Nothing, for no cell can run here; but one of them must, and that is a failure with a report.
    Nothing(MatrixReport),
}

/// Where a run writes.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// What people may carry elsewhere.
    pub report: &'a Path,
    /// The scenarios' state, with keys in it, which goes with the run.
    pub scratch: &'a Path,
}

/// Makes the plan, and the programs that it needs.
pub async fn plan(env: &TestEnv, global: &Global, words: &Matrix, places: Places<'_>) -> anyhow::Result<Planned> {
    let Places { report, scratch } = places;
    let durations = Durations::read(sources()?)?;
    let deployer = deployer(words)?;
    let required = env.catalog().select_all(&words.require).map_err(Error::from)?;
    // what is required is asked for, too
    let wanted = if words.os.is_empty() { Vec::new() } else { [words.os.as_slice(), &words.require].concat() };
    let cells = cells(env.engine(), env.sources(), env.catalog(), &wanted, &words.arch).await?;
    let is_required = |cell: &Cell| !words.require.is_empty() && required.contains(&&cell.system);
    if !cells.iter().any(Cell::is_available) {
        let report = none_can_run(&cells, is_required);
        let is_failure = report.missing().next().is_some();
        return if is_failure { Ok(Planned::Nothing(report)) } else { Err(nothing_can_run(&cells).into()) };
    }
    let tools = tools(env, &cells).await?;
    let binary = scenario_binary(env.lease()).await?;
    let work: Vec<Work> = cells.iter().map(|cell| binary.work(cell, &words.scenario, is_required(cell))).collect();
    check_filters(&work, &words.scenario, &binary)?;
    let (state, variables) = keeping(global, words, scratch)?;
    Ok(Planned::Run(Box::new(Plan {
        work: match words.partition {
            Some(partition) => partition.take(&work, &durations),
            None => work,
        },
        binary,
        tools,
        deployer,
        width: Width::choose(env.engine(), words.jobs).await?,
        durations,
        fail_fast: words.fail_fast,
        report: report.to_owned(),
        state,
        variables,
    })))
}

/// The state folder of the scenarios, and what tells them to keep a VPS in it.
fn keeping(global: &Global, words: &Matrix, scratch: &Path) -> anyhow::Result<(PathBuf, Vec<(String, String)>)> {
    if words.keep_failed {
        // where `list`, `ssh` and `down` look
        return Ok((workspace(global)?.dir().to_owned(), vec![(KEEP_FAILED.to_owned(), "1".to_owned())]));
    }
    Ok((scratch.to_owned(), Vec::new()))
}

/// The deploy tool in deployd's place, where words or environment name one, and this machine has what it needs.
pub fn deployer(words: &Matrix) -> anyhow::Result<Option<Command>> {
    let named = words.deployer.clone().or_else(|| std::env::var_os(DEPLOYER_VARIABLE).map(PathBuf::from));
    let Some(path) = named else { return Ok(None) };
    let tool = Command::open(&path)?;
    tool.check_programs()?;
    Ok(Some(tool))
}

/// deployd, built for each architecture that runs here: scenarios start from its snapshots, whatever tool they test.
async fn tools(env: &TestEnv, cells: &[Cell]) -> anyhow::Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for arch in Arch::ALL {
        if cells.iter().any(|cell| cell.arch == arch && cell.is_available()) {
            let binary = daemon::binary_for(env, arch).await?;
            let deployer = Deployd::from_binary(env, &binary).await?;
            let variables = vec![(daemon::BINARY_VARIABLE.to_owned(), binary.display().to_string())];
            tools.push(Tool { deployer, variables });
        }
    }
    Ok(tools)
}

/// The folder of reports, which is made if it is not there.
pub fn report_folder(global: &Global, words: &Matrix) -> anyhow::Result<PathBuf> {
    let report = match &words.report {
        Some(dir) => dir.clone(),
        None => workspace(global)?.dir().join(REPORT_FOLDER),
    };
    std::fs::create_dir_all(&report).with_context(|| format!("make the report folder {}", report.display()))?;
    Ok(report.canonicalize()?)
}

pub fn nothing_can_run(cells: &[Cell]) -> Error {
    let seen = cells.iter().map(|cell| format!("{}: {}", cell.system, cell.reason())).collect::<Vec<_>>().join("\n");
    Error::Machine(Failure::new("matrix", "find a system that can run here").saw(seen).hint("cargo xtask doctor"))
}

fn check_filters(work: &[Work], filters: &[String], binary: &ScenarioBinary) -> anyhow::Result<()> {
    let names: Vec<&str> = work.iter().flat_map(|it| &it.cases).map(|case| case.scenario.as_str()).collect();
    let Some(filter) = unknown_filter(filters, &names) else { return Ok(()) };
    let failure = Failure::new(filter, "find a scenario whose name holds it");
    Err(Error::Name(failure.saw(format!("valid:\n{}", binary.names().join("\n")))).into())
}

/// The test binary of the scenarios, built.
async fn scenario_binary(lease: &Lease) -> anyhow::Result<ScenarioBinary> {
    say("build the scenarios");
    Ok(ScenarioBinary::open(&Build::here()?.scenarios(lease).await?).await?)
}
