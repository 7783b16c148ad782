//! Trying mutants: the programs of each are built one after another, while scenarios of earlier ones run.

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream;

use super::Mutant;
use crate::catalog::System;
use crate::deployer::Deployd;
use crate::error::{Error, Failure, Result};
use crate::matrix::cells::Cell;
use crate::matrix::run::{DEADLINE, images};
use crate::matrix::scenarios::{ScenarioBinary, Setting};
use crate::matrix::width::Width;
use crate::report::{MutantOutcome, MutantReport, MutantsReport, Outcome, ScenarioReport};
use crate::testenv::TestEnv;
use crate::wait::millis_since;

/// The folder of a report that the mutants' bundles are in.
const FOLDER: &str = "mutants";

/// The environment variable that names the folder of the fixtures to a scenario, where it is not the workspace's own.
pub const PROJECTS_VARIABLE: &str = "TESTENV_PROJECTS";

/// What is to be tried, and where its results go.
pub struct MutantPlan {
    /// The system that the scenarios run on.
    pub cell: Cell,
    /// The mutants.
    pub mutants: Vec<Mutant>,
    /// How many mutants are under way at a time, the one that is built among them; as the machine allows without it.
    pub jobs: Option<usize>,
    /// Where bundles go: in a folder per mutant, which is emptied first.
    pub report: PathBuf,
    /// The state folder of the scenarios.
    pub state: PathBuf,
    /// The environment variable that names the daemon to a scenario.
    pub daemon_variable: &'static str,
}

/// The programs that a scenario needs.
pub struct Programs {
    /// The deploy daemon.
    pub daemon: PathBuf,
    /// The scenarios.
    pub scenarios: ScenarioBinary,
    /// The folder of the fixtures, if one of them has the defect.
    pub projects: Option<PathBuf>,
}

/// Tries the mutants, whose programs `build` makes; `sound` is the daemon without any defect.
pub async fn run_mutants(
    env: &TestEnv,
    plan: &MutantPlan,
    sound: &Path,
    build: impl AsyncFn(&Mutant) -> Result<Programs>,
    on_end: &dyn Fn(&MutantReport),
) -> Result<MutantsReport> {
    let start = Instant::now();
    let jobs = Width::choose(env.engine(), plan.jobs).await?.jobs;
    images(env, &plan.cell).await?;
    // what is kept for later runs must be made by a sound daemon
    let sound = Deployd::from_binary(env, sound).await?;
    sound.snapshot(env, &plan.cell.system).await?;
    let (trial, build) = (&Trial { env, plan, sound }, &build);
    let programs = stream::iter(&plan.mutants).then(async |mutant| {
        let begun = Instant::now();
        (mutant, begun, build(mutant).await)
    });
    let tried = programs.map(async |(mutant, begun, programs)| {
        let (outcome, seen, bundle) = match programs {
            Ok(programs) => trial.attempt(mutant, &programs).await,
            Err(error) => (MutantOutcome::Broken, first_error(&error.to_string()), None),
        };
        let Mutant { name, assertion, scenario, .. } = mutant.clone();
        let duration_ms = millis_since(begun);
        let report = MutantReport { name, assertion, scenario, outcome, duration_ms, seen, bundle };
        on_end(&report);
        report
    });
    // the next build waits for a place among what runs, so that machine and engine get no more than `jobs` to do
    let mut mutants: Vec<MutantReport> = tried.buffer_unordered(jobs).collect().await;
    mutants.sort_by_key(|report| plan.mutants.iter().position(|mutant| mutant.name == report.name));
    Ok(MutantsReport { mutants, wall_ms: millis_since(start) })
}

type Seen = (MutantOutcome, String, Option<PathBuf>);

/// What all mutants are tried with.
struct Trial<'a> {
    env: &'a TestEnv,
    plan: &'a MutantPlan,
    /// The daemon without a defect.
    sound: Deployd,
}

impl Trial<'_> {
    /// Runs the scenario that must fail; what keeps it from running is no reason not to try the other mutants.
    async fn attempt(&self, mutant: &Mutant, programs: &Programs) -> Seen {
        match self.run(mutant, programs).await {
            Ok(ended) => verdict(mutant, ended),
            Err(error) => (MutantOutcome::Elsewhere, error.to_string(), None),
        }
    }

    async fn run(&self, mutant: &Mutant, programs: &Programs) -> Result<ScenarioReport> {
        let Self { env, plan, sound } = self;
        let system = &plan.cell.system;
        let case = programs.scenarios.case(system, &mutant.scenario).ok_or_else(|| no_scenario(mutant, system))?;
        let report = plan.report.join(FOLDER).join(&mutant.name);
        let mut variables = vec![(plan.daemon_variable.to_owned(), programs.daemon.display().to_string())];
        let projects = programs.projects.iter().map(|dir| (PROJECTS_VARIABLE.to_owned(), dir.display().to_string()));
        variables.extend(projects);
        let setting = Setting {
            lease: env.lease(),
            own: env.engine().arch(),
            sources: env.sources(),
            report: &report,
            state: &plan.state,
            deployer: None,
            variables: &variables,
            deadline: DEADLINE,
        };
        let daemon = Deployd::from_binary(env, &programs.daemon).await?;
        let ended = programs.scenarios.run(&plan.cell, &case, &setting).await;
        // nobody needs a daemon with this defect again; a defect that is elsewhere leaves the sound one, which others use
        if daemon.image() != sound.image() {
            env.engine().remove_image(daemon.image()).await?;
        }
        ended
    }
}

fn no_scenario(mutant: &Mutant, system: &System) -> Error {
    let failure = Failure::new(mutant.name.clone(), format!("find the scenario {}", mutant.scenario));
    Error::Name(failure.saw(format!("there is none of that name on {system}")))
}

/// What a scenario's end says about the mutant: only its own failure counts, which is in the bundle, and only if it says
/// what was expected. A VPS that did not start, a panic and a timeout are no assertions.
fn verdict(mutant: &Mutant, ended: ScenarioReport) -> Seen {
    if ended.outcome == Outcome::Passed {
        return (MutantOutcome::Survived, "every assertion held".to_owned(), None);
    }
    let read = |file| ended.bundle.as_ref().and_then(|dir| std::fs::read_to_string(dir.join(file)).ok());
    let failure = read("failure.txt").unwrap_or_default();
    let panicked = failure.starts_with("panicked: ");
    let (outcome, seen) = match failure.lines().find(|line| line.contains(&mutant.expect)) {
        Some(line) if !panicked => (MutantOutcome::Noticed, line.to_owned()),
        _ if failure.is_empty() => (MutantOutcome::Elsewhere, last_line(&read("output.txt").unwrap_or_default())),
        _ => (MutantOutcome::Elsewhere, failure.lines().next().unwrap_or_default().to_owned()),
    };
    (outcome, seen.trim().to_owned(), ended.bundle)
}

/// The first error that a compiler told, with the line that it is in.
fn first_error(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| line.starts_with("error")).unwrap_or_default();
    lines.iter().skip(at).take(2).copied().collect::<Vec<_>>().join(" ")
}

fn last_line(said: &str) -> String {
    said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(failure: Option<&str>, outcome: Outcome) -> (MutantOutcome, String) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("output.txt"), "==> words\nError: no VPS\n\n").unwrap();
        if let Some(failure) = failure {
            std::fs::write(dir.path().join("failure.txt"), failure).unwrap();
        }
        let mutant = Mutant {
            name: "a-mutant".into(),
            assertion: None,
            scenario: "a::scenario".into(),
            file: String::new(),
            find: String::new(),
            replace: String::new(),
            expect: "the commit".into(),
            why: String::new(),
        };
        let bundle = (outcome == Outcome::Failed).then(|| dir.path().to_owned());
        let ended = ScenarioReport { name: mutant.scenario.clone(), outcome, duration_ms: 1, bundle, why: None };
        let (outcome, seen, _) = verdict(&mutant, ended);
        (outcome, seen)
    }

    #[test]
    fn only_the_expected_failure_of_the_scenario_itself_counts() {
        use MutantOutcome::{Elsewhere, Noticed, Survived};
        let failed = |failure| judged(failure, Outcome::Failed);
        let words = |outcome, seen: &str| (outcome, seen.to_owned());
        assert_eq!(failed(Some("webhooks\n\nCaused by:\n    not the commit: a")), words(Noticed, "not the commit: a"));
        assert_eq!(failed(Some("something else\nmore")), words(Elsewhere, "something else"));
        assert_eq!(failed(Some("panicked: the commit")), words(Elsewhere, "panicked: the commit"));
        assert_eq!(failed(None), words(Elsewhere, "Error: no VPS"));
        assert_eq!(judged(None, Outcome::Passed).0, Survived);
    }

    #[test]
    fn the_first_error_of_a_compiler_is_told() {
        let said =
            "build: a-mutant: build: warning: unused\n  --> a.rs:1\nerror[E0308]: mismatched types\n  --> b.rs:2:3\n";
        assert_eq!(first_error(said), "error[E0308]: mismatched types --> b.rs:2:3");
        assert_eq!(first_error("no space left"), "no space left");
    }
}
