//! `matrix --mutants`: every deliberate defect of the list, and whether its scenario notices it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use harness::catalog::Catalog;
use harness::matrix::mutants::{Mutant, MutantList, MutantPlan, Programs, Tree, run_mutants};
use harness::matrix::{Cell, ScenarioBinary, cells};
use harness::report::{MutantOutcome, MutantReport, MutantsReport};
use harness::{Error, Failure, TestEnv};

use super::common::{say, table, with_env, workspace};
use super::matrix::{nothing_can_run, report_folder};
use crate::build::{Build, root, sources};
use crate::cli::{Global, Matrix};
use crate::daemon;
use crate::exit::Status;

/// The system that the scenarios run on unless others are named.
const SYSTEM: &str = "debian:12";
/// The profile that the daemon is built by.
const PROFILE: &str = "mutant";
/// Where the copy of the workspace and what is built of it are; no VPS can have this name.
const FOLDER: &str = "matrix_mutants";

pub async fn run(global: &Global, words: &Matrix) -> anyhow::Result<()> {
    let catalog = Catalog::built_in();
    let systems = if words.os.is_empty() { vec![SYSTEM.to_owned()] } else { words.os.clone() };
    catalog.select_all(&systems).map_err(Error::from)?;
    let mutants = MutantList::read(sources()?)?.select(&words.scenario)?;
    let report = report_folder(global, words)?;
    let folder = workspace(global)?.dir().join(FOLDER);
    // no part of the report: there are private keys in it
    let state = tempfile::tempdir().context("make a folder for the scenarios' state")?;
    let result = with_env(global, async |env| {
        let cells = cells(env.engine(), env.sources(), &catalog, &systems, &[]).await?;
        let Some(cell) = cells.iter().find(|cell| cell.is_available()) else {
            return Err(nothing_can_run(&cells).into());
        };
        let workshop = Workshop::open(env, &folder).await?;
        let plan = plan(cell, mutants, words.jobs, &report, state.path());
        let build = async |mutant: &Mutant| workshop.build(mutant).await.map_err(|error| not_built(mutant, &error));
        let on_end = |report: &MutantReport| {
            tell(report);
            workshop.forget(report);
        };
        Ok(run_mutants(env, &plan, &workshop.sound, build, &on_end).await?)
    })
    .await?;
    show(&result);
    eprintln!("{}", result.write(&report)?.display());
    if result.all_noticed() { Ok(()) } else { Err(Status(1).into()) }
}

fn plan(cell: &Cell, mutants: Vec<Mutant>, jobs: Option<usize>, report: &Path, state: &Path) -> MutantPlan {
    let (report, state) = (report.to_owned(), state.to_owned());
    MutantPlan { cell: cell.clone(), mutants, jobs, report, state, daemon_variable: daemon::BINARY_VARIABLE }
}

fn not_built(mutant: &Mutant, error: &anyhow::Error) -> Error {
    Error::Build(Failure::new(mutant.name.clone(), "build").saw(format!("{error:#}")))
}

/// A copy of the workspace in which the programs of mutants are built.
struct Workshop<'a> {
    env: &'a TestEnv,
    tree: Tree,
    copy: Build,
    programs: PathBuf,
    /// The daemon without a defect.
    sound: PathBuf,
    /// The scenarios without a defect.
    scenarios: ScenarioBinary,
}

impl<'a> Workshop<'a> {
    async fn open(env: &'a TestEnv, folder: &Path) -> anyhow::Result<Self> {
        let tree = Tree::copy(root(), &folder.join("tree")).await?;
        let copy = Build::of(tree.dir(), &folder.join("target"));
        let programs = folder.join("programs");
        say("build the scenarios");
        let scenarios = ScenarioBinary::open(&Build::here()?.scenarios(env.lease()).await?).await?;
        say("build deployd without a defect");
        let built = copy.daemon(env.lease(), PROFILE).await?;
        let sound = keep(&built, &programs.join("sound"))?;
        Ok(Self { env, tree, copy, programs, sound, scenarios })
    }

    async fn build(&self, mutant: &Mutant) -> anyhow::Result<Programs> {
        let (lease, folder) = (self.env.lease(), self.programs.join(&mutant.name));
        say(&format!("build {}", mutant.name));
        let built = self.tree.with(mutant, async || {
            let built = async {
                if mutant.is_in_a_fixture() {
                    return self.with_fixtures(&folder);
                }
                // the next build replaces both, while scenarios still run with these
                let daemon = keep(&self.copy.daemon(lease, PROFILE).await?, &folder)?;
                let scenarios = if mutant.is_in_the_scenarios() {
                    ScenarioBinary::open(&keep(&self.copy.scenarios(lease).await?, &folder)?).await?
                } else {
                    self.scenarios.clone()
                };
                anyhow::Ok(Programs { daemon, scenarios, projects: None })
            };
            Ok(built.await)
        });
        built.await?
    }

    /// The programs without a defect, with the fixtures as they are in the copy now.
    fn with_fixtures(&self, folder: &Path) -> anyhow::Result<Programs> {
        let projects = folder.join("projects");
        self.tree.keep("projects", &projects)?;
        Ok(Programs { daemon: self.sound.clone(), scenarios: self.scenarios.clone(), projects: Some(projects) })
    }

    /// Removes the programs of a mutant that has been tried.
    fn forget(&self, tried: &MutantReport) {
        let _ = std::fs::remove_dir_all(self.programs.join(&tried.name));
    }
}

/// Copies a program into a folder of its own.
fn keep(program: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let name = program.file_name().context("a program without a name")?;
    std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let kept = folder.join(name);
    std::fs::copy(program, &kept).with_context(|| format!("copy {} to {}", program.display(), kept.display()))?;
    Ok(kept)
}

fn tell(report: &MutantReport) {
    let seconds = report.duration_ms / 1000;
    say(&format!("{}  {}  ({seconds} s) {}", word(report.outcome), report.name, report.seen));
    if let Some(bundle) = report.bundle.as_ref().filter(|_| report.outcome != MutantOutcome::Noticed) {
        say(&format!("        {}", bundle.display()));
    }
}

fn word(outcome: MutantOutcome) -> &'static str {
    match outcome {
        MutantOutcome::Noticed => "noticed",
        MutantOutcome::Survived => "SURVIVED",
        MutantOutcome::Elsewhere => "ELSEWHERE",
        MutantOutcome::Broken => "BROKEN",
    }
}

fn show(result: &MutantsReport) {
    let mut table = table(&["MUTANT", "ASSERTION", "SCENARIO", "OUTCOME", "SECONDS", "WHAT WAS SEEN"]);
    for mutant in &result.mutants {
        table.add_row([
            mutant.name.clone(),
            mutant.assertion.map(|number| number.to_string()).unwrap_or_default(),
            mutant.scenario.clone(),
            word(mutant.outcome).to_owned(),
            (mutant.duration_ms / 1000).to_string(),
            mutant.seen.chars().take(200).collect(),
        ]);
    }
    println!("{table}");
    let noticed = result.mutants.iter().filter(|it| it.outcome == MutantOutcome::Noticed).count();
    println!("{noticed} of {} noticed in {} s", result.mutants.len(), result.wall_ms / 1000);
}
