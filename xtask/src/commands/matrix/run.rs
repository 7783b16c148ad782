//! From the words to the report: what is done in which order, whatever ends it.

use std::sync::Arc;

use anyhow::Context;
use harness::catalog::Catalog;
use harness::matrix::{Cell, Event, Plan, cells, run as run_plan};
use harness::report::{MatrixReport, Stopped};
use harness::{Engine, Error, TestEnv};

use super::plan::{Places, Planned};
use super::watch::Watch;
use super::{kept, list, plan, show};
use crate::build::root;
use crate::cli::{Global, Matrix};
use crate::commands::common::{settings, with_env_saying, workspace};
use crate::commands::mutants;
use crate::exit::{INTERRUPTED, Status, interrupted, unless_interrupted};

pub async fn run(global: &Global, words: Matrix) -> anyhow::Result<()> {
    if words.mutants {
        return Box::pin(unless_interrupted(mutants::run(global, &words))).await;
    }
    // wrong words are told before anything is done
    let catalog = Catalog::built_in();
    for patterns in [&words.os, &words.require] {
        catalog.select_all(patterns).map_err(Error::from)?;
    }
    plan::deployer(&words)?;
    if words.list {
        return unless_interrupted(listed(global, &words, &catalog)).await;
    }
    let folder = plan::report_folder(global, &words)?;
    // no part of the report: there are private keys in it. It goes after the lease does, which ends whoever still writes
    let scratch = tempfile::tempdir().context("make a folder for the scenarios' state")?;
    let places = Places { report: &folder, scratch: scratch.path() };
    let watch = Arc::new(Watch::here());
    let say = watch.clone();
    let work = async |env: &TestEnv| Box::pin(on_engine(env, global, &words, places, &watch)).await;
    let report = with_env_saying(global, Arc::new(move |line| say.say(line)), work).await?;
    show::show(&report, &folder);
    for name in kept::of(&workspace(global)?, &report) {
        println!("kept: {}", kept::enter(global, &name));
    }
    eprintln!("{}", folder.join("report.json").display());
    match status(&report) {
        0 => Ok(()),
        code => Err(Status(code).into()),
    }
}

/// Runs the plan and writes its report, also of a run that is ended before its time.
async fn on_engine(
    env: &TestEnv,
    global: &Global,
    words: &Matrix,
    places: Places<'_>,
    watch: &Watch,
) -> anyhow::Result<MatrixReport> {
    let plan = match unless_interrupted(plan::plan(env, global, words, places)).await? {
        Planned::Run(plan) => *plan,
        Planned::Nothing(report) => {
            report.write(places.report)?;
            return Ok(report);
        }
    };
    watch.begin(&plan);
    let on_event = |event: &Event<'_>| {
        watch.tell(event);
        if let Event::Ended(_, report) = event
            && let Some(name) = report.bundle.as_ref().and_then(|bundle| kept::in_bundle(env.workspace(), bundle))
        {
            watch.say(&format!("        {}", kept::enter(global, &name)));
        }
    };
    let report = run_plan(env, &plan, interrupted(), &on_event).await;
    watch.end();
    // whoever removes what an interrupted scenario left keeps what the files in it name
    let _ = std::fs::remove_dir_all(places.scratch);
    let report = report?;
    report.write(places.report)?;
    if words.record_durations {
        record(env, plan, &report)?;
    }
    Ok(report)
}

fn record(env: &TestEnv, plan: Plan, report: &MatrixReport) -> anyhow::Result<()> {
    let mut durations = plan.durations;
    durations.learn(report, env.engine().arch(), &plan.binary.names());
    eprintln!("{}", durations.write(root())?.display());
    Ok(())
}

async fn listed(global: &Global, words: &Matrix, catalog: &Catalog) -> anyhow::Result<()> {
    let engine = Engine::connect().await?;
    let cells: Vec<Cell> = cells(&engine, &settings(global)?.sources, catalog, &words.os, &words.arch).await?;
    list::list(&cells, words.format)
}

/// The exit status that a run ends with.
fn status(report: &MatrixReport) -> u8 {
    let missing = report.missing().next().is_some();
    match report.stopped {
        Some(Stopped::Interrupted) => INTERRUPTED,
        _ => u8::from(report.totals.failed > 0 || missing),
    }
}

#[cfg(test)]
mod tests {
    use harness::catalog::Arch;
    use harness::report::{CellReport, Outcome, ScenarioReport};

    use super::*;

    fn report(outcome: Outcome, required: bool, available: bool) -> MatrixReport {
        let name = "a".to_owned();
        let cell = CellReport {
            os: "debian".to_owned(),
            version: "12".to_owned(),
            arch: Arch::Amd64,
            available,
            reason: String::new(),
            required,
            scenarios: vec![ScenarioReport { name, outcome, duration_ms: 1, bundle: None, why: None }],
            not_run: Vec::new(),
        };
        MatrixReport::new(vec![cell], 1)
    }

    #[test]
    fn a_failure_and_a_required_cell_that_cannot_run_are_1_and_a_signal_is_130() {
        use Outcome::{Failed, Passed};
        assert_eq!(status(&report(Passed, true, true)), 0);
        assert_eq!(status(&report(Failed, false, true)), 1);
        assert_eq!((status(&report(Passed, true, false)), status(&report(Passed, false, false))), (1, 0));
        let mut interrupted = report(Failed, false, true);
        interrupted.stopped = Some(Stopped::Interrupted);
        assert_eq!(status(&interrupted), 130);
    }
}
