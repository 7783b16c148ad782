//! A deploy tool that this repository did not write, driven by the commands of its file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::file::{Script, ToolFile};
use super::operator::{self, DEADLINE, Files, Variables, last_lines, of_project};
use crate::deployer::bootstrap::Lines;
use crate::deployer::{Ability, Deployer, OnLine, Source, Status, Unsupported};
use crate::error::{Error, Failure, Result};
use crate::project::{Project, head_of};
use crate::provision::find_program;
use crate::ssh::{Exec, Stream};
use crate::vps::Vps;

/// Names the file of the deploy tool that scenarios run against, in place of deployd.
pub const DEPLOYER_VARIABLE: &str = "TESTENV_DEPLOYER";

/// What a bootstrap printed as `result NAME=VALUE`.
#[derive(Debug, Clone, Default)]
pub struct Results(BTreeMap<String, String>);

impl Results {
    /// The public key that a git host must let in, where the tool fetches with a key of its own.
    #[must_use]
    pub fn deploy_key(&self) -> Option<&str> {
        self.0.get("deploy_key").map(String::as_str)
    }
}

/// A deploy tool that is made of commands. Clones are one tool.
#[derive(Debug, Clone)]
pub struct Command {
    file: Arc<ToolFile>,
    path: PathBuf,
    asked: Arc<AtomicBool>,
}

impl Command {
    /// Reads the file of a tool.
    ///
    /// # Errors
    /// [`Error::Name`] for a file that cannot be read, or says what it may not.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Arc::new(ToolFile::read(path)?);
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Ok(Self { file, path, asked: Arc::default() })
    }

    /// The tool that `TESTENV_DEPLOYER` names; none where that is deployd.
    pub fn from_env() -> Result<Option<Self>> {
        std::env::var_os(DEPLOYER_VARIABLE).map(|path| Self::open(Path::new(&path))).transpose()
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that this machine has the programs that its commands need.
    ///
    /// # Errors
    /// [`Error::Machine`], which names program and package.
    pub fn check_programs(&self) -> Result<()> {
        match self.file.needs.iter().find(|(program, _)| find_program(program).is_none()) {
            None => Ok(()),
            Some((program, package)) => {
                let failure = Failure::new(program, format!("find it for the deploy tool {}", self.file.name));
                let failure = failure.saw("not installed on this machine");
                Err(Error::Machine(failure.hint(format!("install the package: apt-get install {package}"))))
            }
        }
    }

    /// Whether any of its commands was run: a scenario that asked for none says nothing about it.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(in crate::deployer) fn called(&self) -> &str {
        &self.file.name
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Runs a script where it runs; its standard output and standard error come as they come.
    async fn run(
        &self,
        verb: &str,
        script: &Script,
        vps: &Vps,
        variables: &Variables,
        mut take: impl FnMut(bool, &[u8]) + Send,
    ) -> Result<()> {
        self.asked.store(true, Ordering::Relaxed);
        let failure = Failure::new(vps.subject(), format!("{verb} by {}", self.file.name));
        match script {
            Script::Here(text) => {
                let files = Files::of(vps)?;
                let variables = [files.variables(vps).as_slice(), variables].concat();
                operator::run(self.folder(), text, &variables, failure, take).await
            }
            Script::OnVps(text) => {
                let mut exec = Exec::new().stdin(text.as_bytes().to_vec()).deadline(DEADLINE);
                for (name, value) in variables {
                    exec = exec.env(*name, value);
                }
                let mut said = Vec::new();
                let exec = exec.on_output(|stream, piece| {
                    said.extend_from_slice(piece);
                    take(stream == Stream::Stdout, piece);
                });
                let output = vps.ssh().await?.exec_with("sh -eu -s", exec).await?;
                if output.success() {
                    return Ok(());
                }
                let seen = format!("{}\n{}", last_lines(&said), output.status);
                Err(Error::Deploy(failure.after(output.elapsed).saw(seen)))
            }
        }
    }

    /// The same, showing what it says; answers the results.
    async fn shown(
        &self,
        verb: &str,
        script: Option<&Script>,
        vps: &Vps,
        variables: &Variables,
        on_line: OnLine<'_>,
    ) -> Result<Results> {
        let script = script.ok_or_else(|| self.no_command(verb, vps))?;
        let (mut out, mut err) = (Lines::new(on_line), Lines::new(on_line));
        self.run(verb, script, vps, variables, |is_out, piece| if is_out { out.take(piece) } else { err.take(piece) })
            .await?;
        Ok(Results(out.results))
    }

    fn no_command(&self, verb: &str, vps: &Vps) -> Error {
        let failure = Failure::new(vps.subject(), format!("{verb} by {}", self.file.name));
        Error::Deploy(failure.saw(format!("{} has no command [{verb}]", self.path.display())))
    }
}

impl Deployer for Command {
    type Access = Results;
    type Lack = Unsupported;

    fn name(&self) -> &str {
        &self.file.name
    }

    fn can(&self, what: Ability) -> Result<(), Unsupported> {
        let file = &self.file;
        let unless = |there: bool, why: Option<&String>, words: &str| match (there, why) {
            (true, _) => Ok(()),
            (false, Some(why)) => Err(Unsupported::new(self, why)),
            (false, None) => Err(Unsupported::new(self, words)),
        };
        let cannot = &file.cannot;
        match what {
            Ability::Status => {
                unless(file.status.is_some(), cannot.status.as_ref(), "it does not tell which commit is deployed")
            }
            Ability::Rollback => {
                unless(file.rollback.is_some(), cannot.rollback.as_ref(), "it has no command to roll back")
            }
            Ability::Remove => {
                unless(file.remove.is_some(), cannot.remove.as_ref(), "it has no command to take itself off a machine")
            }
            Ability::DeployKey => {
                unless(cannot.deploy_key.is_none(), cannot.deploy_key.as_ref(), "it has no deploy key")
            }
            Ability::Build(kind) => {
                let builds: Vec<&str> = file.builds.iter().map(|kind| kind.word()).collect();
                let words = format!("it builds no {} projects, only {}", kind.word(), builds.join(", "));
                unless(file.builds.contains(&kind), None, &words)
            }
            Ability::DeploydsOwn => unless(
                false,
                None,
                "the scenario is about what only deployd has: its interface, users, webhooks, files",
            ),
            Ability::APart => {
                unless(false, None, "the scenario is about the VPS or deployd, and asks nothing of another deploy tool")
            }
        }
    }

    async fn bootstrap(&self, vps: &Vps, git_hosts: &[String], on_line: OnLine<'_>) -> Result<Results> {
        let variables = vec![("TESTVPS_GIT_KNOWN_HOSTS", git_hosts.join("\n"))];
        self.shown("bootstrap", Some(&self.file.bootstrap), vps, &variables, on_line).await
    }

    async fn deploy(
        &self,
        vps: &Vps,
        _: &Results,
        project: &Project,
        source: &Source,
        on_line: OnLine<'_>,
    ) -> Result<()> {
        let commit = head_of(&project.dir).await?;
        let mut variables = of_project(project, source, &commit);
        if matches!(self.file.deploy, Script::Here(_)) {
            variables.push(("TESTVPS_FOLDER", project.dir.display().to_string()));
        }
        self.shown("deploy", Some(&self.file.deploy), vps, &variables, on_line).await.map(drop)
    }

    async fn roll_back(&self, vps: &Vps, _: &Results, on_line: OnLine<'_>) -> Result<()> {
        self.shown("rollback", self.file.rollback.as_ref(), vps, &Vec::new(), on_line).await.map(drop)
    }

    /// What the command prints is the commit's hash; nothing where nothing is deployed.
    async fn status(&self, vps: &Vps, _: &Results) -> Result<Status> {
        let script = self.file.status.as_ref().ok_or_else(|| self.no_command("status", vps))?;
        let mut said = Vec::new();
        self.run("status", script, vps, &Vec::new(), |is_out, piece| {
            if is_out {
                said.extend_from_slice(piece);
            }
        })
        .await?;
        let commit_hash = String::from_utf8_lossy(&said).trim().to_owned();
        Ok(Status { commit_hash, ..Status::default() })
    }

    async fn uninstall(&self, vps: &Vps, on_line: OnLine<'_>) -> Result<()> {
        self.shown("remove", self.file.remove.as_ref(), vps, &Vec::new(), on_line).await.map(drop)
    }
}
