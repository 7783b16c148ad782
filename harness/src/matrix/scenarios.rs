//! The scenarios' test binary: which cases it has for each cell, and running one of them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::cells::Cell;
use super::filters::is_selected;
use crate::artifacts::OUTPUT;
use crate::catalog::{Arch, System};
use crate::deployer::{self, DEPLOYER_VARIABLE, UNSUPPORTED};
use crate::error::{Error, Failure, Result};
use crate::image::{ARCH_VARIABLE, BaseSources};
use crate::lease::{COMMAND_VARIABLE, Lease};
use crate::redact::{Handover, strike_out};
use crate::report::{Outcome, ScenarioReport, scenario_folder};
use crate::wait::millis_since;
use crate::workspace::{remove_folder, write_whole};

/// A test binary whose cases are scenarios on systems of the catalog.
#[derive(Debug, Clone)]
pub struct ScenarioBinary {
    path: PathBuf,
    tests: Vec<String>,
}

/// Whether errors carry a backtrace; without it they do where `RUST_BACKTRACE` asks for those of panics.
const ERROR_BACKTRACES: &str = "RUST_LIB_BACKTRACE";

/// A cell, and what shall run on it.
#[derive(Debug, Clone)]
pub struct Work {
    /// The cell.
    pub cell: Cell,
    /// Its scenarios.
    pub cases: Vec<Case>,
    /// Whether it is a failure that it cannot run.
    pub required: bool,
}

/// One scenario on one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The test's full name.
    test: String,
    /// The scenario's name, without the system.
    pub scenario: String,
}

/// How a case is run.
pub(super) struct Setting<'a> {
    pub lease: &'a Lease,
    /// The architecture of the engine's machine.
    pub own: Arch,
    /// Where bases may come from: the same as in this process, which has told the cells by it.
    pub sources: &'a BaseSources,
    pub report: &'a Path,
    pub state: &'a Path,
    /// The deploy tool, where it is another than deployd.
    pub deployer: Option<&'a deployer::Command>,
    pub variables: &'a [(String, String)],
    pub deadline: Duration,
}

impl ScenarioBinary {
    /// Asks the binary which tests it has.
    pub async fn open(path: &Path) -> Result<Self> {
        let failed =
            |seen: String| Error::Exec(Failure::new(path.display().to_string(), "list its scenarios").saw(seen));
        let listing = Command::new(path).args(["--list", "--format", "terse"]).stdin(Stdio::null()).output().await;
        let listing = listing.map_err(|error| failed(error.to_string()))?;
        if !listing.status.success() {
            return Err(failed(String::from_utf8_lossy(&listing.stderr).into_owned()));
        }
        let text = String::from_utf8_lossy(&listing.stdout).into_owned();
        let tests = text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect();
        Ok(Self { path: path.to_owned(), tests })
    }

    /// The scenarios of a system whose name holds one of `filters`; all of them without any.
    #[must_use]
    pub fn cases(&self, system: &System, filters: &[String]) -> Vec<Case> {
        let wanted = system.slug().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let case = |test: &String| {
            // rstest names a case `scenario::case_12_debian_12`
            let (scenario, case) = test.rsplit_once("::case_")?;
            let (_, slug) = case.split_once('_')?;
            (slug == wanted && is_selected(filters, &[scenario]))
                .then(|| Case { test: test.clone(), scenario: scenario.to_owned() })
        };
        self.tests.iter().filter_map(case).collect()
    }

    /// The names of all scenarios.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self.tests.iter().filter_map(|test| Some(test.rsplit_once("::case_")?.0)).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// What there is to do on a cell.
    #[must_use]
    pub fn work(&self, cell: &Cell, filters: &[String], required: bool) -> Work {
        Work { cell: cell.clone(), cases: self.cases(&cell.system, filters), required }
    }

    /// The scenario of exactly this name on a system.
    #[must_use]
    pub fn case(&self, system: &System, scenario: &str) -> Option<Case> {
        self.cases(system, &[]).into_iter().find(|case| case.scenario == scenario)
    }

    /// Runs one case in a process of its own; what it printed is kept if it failed.
    pub(super) async fn run(&self, cell: &Cell, case: &Case, setting: &Setting<'_>) -> Result<ScenarioReport> {
        let start = Instant::now();
        let folder = case.folder(cell, setting.report);
        // a bundle of an earlier run must not speak for this one
        remove_folder(&folder, "remove the bundle of an earlier run")?;
        let mut command = self.command(cell, case, setting, &folder)?;
        let handover = Handover::new()?;
        command.env(handover.variable().0, handover.variable().1);
        plain_errors(&mut command, std::env::var_os(ERROR_BACKTRACES).as_deref());
        let ended = tokio::time::timeout(setting.deadline, setting.lease.run_guarded(&mut command)).await;
        let why = std::fs::read_to_string(folder.join(UNSUPPORTED)).ok();
        let (outcome, text) = match ended {
            Ok(Ok(output)) => {
                let text = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                // exactly one test must have run: a name that fits none would look like success
                let ran = text[1].contains("1 passed");
                let passed = output.status.success() && ran;
                (outcome(passed, setting.deployer.is_some(), why.as_deref()), text.concat())
            }
            Ok(Err(error)) => (Outcome::Failed, error.to_string()),
            Err(_) => (Outcome::Failed, format!("not done after {} s, killed", setting.deadline.as_secs())),
        };
        let failed = (outcome == Outcome::Failed).then_some(text.as_str());
        crate::artifacts::settle(&folder, failed, &handover.secrets()?)?;
        let bundle = failed.map(|_| folder);
        let duration_ms = millis_since(start);
        let why = why.filter(|_| outcome == Outcome::Unsupported).map(|why| strike_out(why.trim()));
        Ok(ScenarioReport { name: case.scenario.clone(), outcome, duration_ms, bundle, why })
    }

    fn command(&self, cell: &Cell, case: &Case, setting: &Setting<'_>, bundle: &Path) -> Result<Command> {
        let mut command = Command::new(&self.path);
        // of another architecture than the engine's machine
        if cell.arch != setting.own {
            command.env(ARCH_VARIABLE, cell.arch.to_string());
        }
        // what this process was started with is not what this case is run against
        command.env_remove(DEPLOYER_VARIABLE);
        command.envs(setting.deployer.map(|tool| (DEPLOYER_VARIABLE, tool.path())));
        command
            .args(["--exact", &case.test, "--nocapture", "--test-threads=1"])
            .env("TESTENV_BUNDLE_DIR", bundle)
            .env("TESTENV_STATE_DIR", setting.state)
            .env(COMMAND_VARIABLE, setting.lease.run())
            .envs(setting.sources.variables()?)
            .envs(setting.variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }
}

impl Case {
    /// The folder of its bundle.
    fn folder(&self, cell: &Cell, report: &Path) -> PathBuf {
        report.join(scenario_folder(&cell.slug(), &self.scenario))
    }

    /// The report of a case that nothing could be run of; its bundle says why.
    pub(super) fn not_begun(&self, cell: &Cell, report: &Path, why: &Error) -> ScenarioReport {
        let folder = self.folder(cell, report);
        let said = remove_folder(&folder, "remove the bundle of an earlier run")
            .and_then(|()| write_whole(&folder.join(OUTPUT), &strike_out(&format!("{why}\n"))));
        let bundle = said.inspect_err(|error| tracing::error!("{error}")).is_ok().then_some(folder);
        ScenarioReport { name: self.scenario.clone(), outcome: Outcome::Failed, duration_ms: 0, bundle, why: None }
    }
}

/// How a case ended. About deployd nothing is unsupported, whatever a scenario says: it can do everything.
fn outcome(passed: bool, by_others: bool, unsupported: Option<&str>) -> Outcome {
    match (passed, by_others, unsupported) {
        (true, ..) => Outcome::Passed,
        (false, true, Some(_)) => Outcome::Unsupported,
        (false, ..) => Outcome::Failed,
    }
}

/// A bundle says the chain of an error; a backtrace through a runtime's polls buries it. Whoever `asked` gets one.
fn plain_errors(command: &mut Command, asked: Option<&OsStr>) {
    command.env(ERROR_BACKTRACES, asked.unwrap_or(OsStr::new("0")));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::image::Reach;

    /// The first cells of the catalog, which can all run, each with the same scenarios.
    pub fn work<'a>(cells: usize, scenarios: impl IntoIterator<Item = &'a str>) -> Vec<Work> {
        let scenario = |name: &str| Case { test: format!("{name}::case"), scenario: name.to_owned() };
        let cases: Vec<Case> = scenarios.into_iter().map(scenario).collect();
        let catalog = Catalog::built_in();
        let cell = |system: &System| Cell {
            system: system.clone(),
            arch: Arch::Amd64,
            reach: Reach::Yes("registry".to_owned()),
        };
        let work = |system| Work { cell: cell(system), cases: cases.clone(), required: false };
        catalog.systems().iter().take(cells).map(work).collect()
    }

    #[test]
    fn a_case_belongs_to_exactly_one_system() {
        let catalog = Catalog::built_in();
        let binary = ScenarioBinary {
            path: PathBuf::new(),
            tests: ["boot::up::case_11_debian_11", "boot::up::case_12_debian_12", "first::deploy::case_12_debian_12"]
                .map(str::to_owned)
                .to_vec(),
        };
        let names = |filters: &[&str]| -> Vec<String> {
            let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
            let cases = binary.cases(catalog.find("debian", "12").unwrap(), &filters);
            cases.into_iter().map(|case| case.scenario).collect()
        };
        assert_eq!(names(&[]), ["boot::up", "first::deploy"]);
        assert_eq!(names(&["deploy"]), ["first::deploy"]);
        assert_eq!(names(&["deploy", "boot"]), ["boot::up", "first::deploy"]);
        let debian = catalog.find("debian", "12").unwrap();
        assert!(binary.case(debian, "first::deploy").is_some() && binary.case(debian, "first::dep").is_none());
        assert!(names(&["nothing"]).is_empty());
    }

    #[test]
    fn what_is_unsupported_is_so_only_by_the_tools_of_others() {
        let why = Some("it has no command to roll back");
        assert_eq!(outcome(false, true, why), Outcome::Unsupported);
        assert_eq!(outcome(false, false, why), Outcome::Failed, "deployd can do everything");
        assert_eq!(outcome(false, true, None), Outcome::Failed);
        assert_eq!((outcome(true, true, None), outcome(true, false, None)), (Outcome::Passed, Outcome::Passed));
    }

    #[test]
    fn errors_come_without_a_backtrace_unless_one_is_asked_for() {
        let told = |asked: Option<&str>| {
            let mut command = Command::new("scenarios");
            plain_errors(&mut command, asked.map(OsStr::new));
            let mut set = command.as_std().get_envs().filter(|(name, _)| *name == ERROR_BACKTRACES);
            set.next().and_then(|(_, value)| value?.to_str().map(str::to_owned))
        };
        assert_eq!((told(None).as_deref(), told(Some("1")).as_deref()), (Some("0"), Some("1")));
    }
}
