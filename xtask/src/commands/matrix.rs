//! `matrix`: every scenario on every system that this machine can run.

use std::path::PathBuf;

use anyhow::Context;
use harness::catalog::Catalog;
use harness::lease::Lease;
use harness::matrix::{Cell, Event, Plan, ScenarioBinary, cells, run as run_plan};
use harness::report::{MatrixReport, Outcome};
use harness::{Engine, Error, Failure};
use serde_json::json;

use super::common::{print_json, say, settings, table, with_env, workspace};
use super::mutants;
use crate::build::Build;
use crate::cli::{Global, ListFormat, Matrix};
use crate::daemon;
use crate::exit::Status;

/// Where reports go unless told otherwise; no VPS can have this name.
const REPORT_FOLDER: &str = "matrix_report";

pub async fn run(global: &Global, words: Matrix) -> anyhow::Result<()> {
    if words.mutants {
        return mutants::run(global, &words).await;
    }
    // wrong words are told before anything is done
    let catalog = Catalog::built_in();
    catalog.select_all(&words.os).map_err(Error::from)?;
    let required = catalog.select_all(&words.require).map_err(Error::from)?;
    let is_required = |cell: &&Cell| !words.require.is_empty() && required.contains(&&cell.system);
    if words.list {
        let engine = Engine::connect().await?;
        return list(&cells(&engine, &settings(global)?.sources, &catalog, &words.os).await?, words.format);
    }
    let report = report_folder(global, &words)?;
    let (result, missing) = with_env(global, async |env| {
        let cells = cells(env.engine(), env.sources(), &catalog, &words.os).await?;
        let missing: Vec<String> =
            cells.iter().filter(is_required).filter(|it| !it.is_available()).map(|it| it.system.to_string()).collect();
        if !cells.iter().any(Cell::is_available) {
            return Err(nothing_can_run(&cells).into());
        }
        let binary = daemon::binary(env.lease()).await?;
        harness::deployer::Deployd::from_binary(env, &binary).await?;
        let plan = Plan {
            cells,
            binary: scenario_binary(env.lease()).await?,
            filter: words.scenario.clone().unwrap_or_default(),
            jobs: words.jobs,
            report: report.clone(),
            variables: vec![(daemon::BINARY_VARIABLE.to_owned(), binary.display().to_string())],
        };
        check_filter(&plan)?;
        Ok((run_plan(env, &plan, &tell).await?, missing))
    })
    .await?;
    show(&result);
    let path = result.write(&report)?;
    eprintln!("{}", path.display());
    if !missing.is_empty() {
        eprintln!("error: required and unavailable: {}", missing.join(", "));
    }
    if result.totals.failed > 0 || !missing.is_empty() { Err(Status(1).into()) } else { Ok(()) }
}

/// The folder of reports, which is made if it is not there.
pub(super) fn report_folder(global: &Global, words: &Matrix) -> anyhow::Result<PathBuf> {
    let report = match &words.report {
        Some(dir) => dir.clone(),
        None => workspace(global)?.dir().join(REPORT_FOLDER),
    };
    std::fs::create_dir_all(&report).with_context(|| format!("make the report folder {}", report.display()))?;
    Ok(report.canonicalize()?)
}

pub(super) fn nothing_can_run(cells: &[Cell]) -> Error {
    let seen = cells.iter().map(|cell| format!("{}: {}", cell.system, cell.reason())).collect::<Vec<_>>().join("\n");
    Error::Machine(Failure::new("matrix", "find a system that can run here").saw(seen).hint("cargo xtask doctor"))
}

fn check_filter(plan: &Plan) -> anyhow::Result<()> {
    let count: usize = plan.cells.iter().map(|cell| plan.binary.cases(&cell.system, &plan.filter).len()).sum();
    if count > 0 {
        return Ok(());
    }
    let mut names: Vec<String> =
        plan.cells.iter().flat_map(|cell| plan.binary.cases(&cell.system, "")).map(|it| it.scenario).collect();
    names.sort();
    names.dedup();
    let failure = Failure::new(plan.filter.clone(), "find a scenario whose name holds it");
    Err(Error::Name(failure.saw(format!("valid:\n{}", names.join("\n")))).into())
}

/// The test binary of the scenarios, built.
async fn scenario_binary(lease: &Lease) -> anyhow::Result<ScenarioBinary> {
    say("build the scenarios");
    Ok(ScenarioBinary::open(&Build::here().scenarios(lease).await?).await?)
}

fn tell(event: &Event<'_>) {
    match event {
        Event::Ended(cell, report) => {
            let outcome = word(report.outcome);
            let seconds = report.duration_ms / 1000;
            say(&format!("{outcome}  {}  {} ({seconds} s)", cell.system, report.name));
            if let Some(bundle) = &report.bundle {
                say(&format!("        {}", bundle.display()));
            }
        }
        Event::NoImage(cell, error) => say(&format!("failed  {}  {error}", cell.system)),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "FAILED",
    }
}

fn show(report: &MatrixReport) {
    let mut table = table(&["SYSTEM", "RESULT", "PASSED", "FAILED", "SECONDS", "BASE, OR WHY NOT"]);
    for cell in &report.cells {
        let count = |outcome| cell.scenarios.iter().filter(|it| it.outcome == outcome).count();
        let (passed, failed) = (count(Outcome::Passed), count(Outcome::Failed));
        let result = match (cell.available, failed) {
            (false, _) => "unavailable",
            (true, 0) => word(Outcome::Passed),
            (true, _) => word(Outcome::Failed),
        };
        let seconds: u64 = cell.scenarios.iter().map(|it| it.duration_ms).sum::<u64>() / 1000;
        table.add_row([
            format!("{} {}", cell.os, cell.version),
            result.to_owned(),
            passed.to_string(),
            failed.to_string(),
            seconds.to_string(),
            cell.reason.clone(),
        ]);
    }
    println!("{table}");
    let totals = report.totals;
    println!(
        "{} passed, {} failed on {} of {} systems in {} s",
        totals.passed,
        totals.failed,
        totals.cells - totals.unavailable,
        totals.cells,
        report.wall_ms / 1000
    );
}

fn list(cells: &[Cell], format: ListFormat) -> anyhow::Result<()> {
    match format {
        ListFormat::Json => print_json(&cells),
        // what runs elsewhere decides there whether it can: every cell is a job
        ListFormat::Github => {
            let include: Vec<_> =
                cells.iter().map(|cell| json!({"os": cell.system.os, "version": cell.system.version})).collect();
            println!("{}", json!({ "include": include }));
            Ok(())
        }
        ListFormat::Text => {
            let mut table = table(&["SYSTEM", "HERE", "BASE, OR WHY NOT"]);
            for cell in cells {
                let here = if cell.is_available() { "yes" } else { "no" };
                table.add_row([cell.system.to_string(), here.to_owned(), cell.reason()]);
            }
            println!("{table}");
            Ok(())
        }
    }
}
