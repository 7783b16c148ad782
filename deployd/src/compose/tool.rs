//! Running the Compose tool with a deadline; its output is told line by line.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::error::{Failure, Kind, Result};
use crate::process_group::ProcessGroup;
use crate::text;

/// The tool.
const PROGRAM: &str = "docker-compose";
/// The parser that the tool itself reads its files with, so that both read the same: `config` of this version of the
/// tool prints YAML only.
const TO_JSON: &str = "import sys, json, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, default=str)";
/// The interface that it speaks: the newest of its own, which engines from 18.06 on understand.
const API_VERSION: &str = "1.38";
/// How many lines of a failure are told.
const LAST_LINES: usize = 30;
/// Names of variables that steer the programs themselves, and are not the owner's to choose here.
const RESERVED: [&str; 6] = ["COMPOSE_", "DOCKER_", "PYTHON", "LD_", "PATH", "HOME"];

/// The tool on one folder.
pub(super) struct Tool<'a> {
    /// The engine's socket.
    pub(super) socket: &'a Path,
    /// Where it runs.
    pub(super) dir: &'a Path,
    /// The variables that compose files may refer to.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Receives each line of the output.
    pub(super) on_line: &'a (dyn Fn(&str) + Send + Sync),
}

/// What is asked of it.
pub(super) struct Call<'a> {
    /// What sort of failure its failure is.
    pub(super) kind: Kind,
    /// What it does.
    pub(super) what: String,
    /// Its arguments.
    pub(super) args: &'a [&'a str],
    /// Its standard input.
    pub(super) input: String,
    /// How long it may take.
    pub(super) deadline: Duration,
}

impl Tool<'_> {
    /// Runs it; every line goes to `on_line`.
    pub(super) async fn run(&self, call: Call<'_>) -> Result<()> {
        self.call(PROGRAM, &call, false).await.map(|_| ())
    }

    /// Runs it and answers the document that it prints, as JSON.
    pub(super) async fn document(&self, call: Call<'_>) -> Result<String> {
        let yaml = self.call(PROGRAM, &call, true).await?;
        let call = Call { args: &["-c", TO_JSON], input: yaml, ..call };
        self.call("python3", &call, true).await
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let owners = self.environment.iter().filter(|(name, _)| !RESERVED.iter().any(|word| name.starts_with(word)));
        command.args(args).current_dir(self.dir).env_clear().envs(owners);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let mut socket = OsStr::new("unix://").to_owned();
        socket.push(self.socket);
        command.env("DOCKER_HOST", socket).env("HOME", "/nonexistent").env("COMPOSE_API_VERSION", API_VERSION);
        // the classic builder, which every engine has, and which needs no other program
        command.env("COMPOSE_DOCKER_CLI_BUILD", "0").env("PYTHONUNBUFFERED", "1").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command
    }

    /// Answers what it printed, if `keep` says so; else that is told.
    async fn call(&self, program: &str, call: &Call<'_>, keep: bool) -> Result<String> {
        let failure = || Failure::new(call.kind, call.what.clone());
        let mut child = self.command(program, call.args).spawn().map_err(|error| {
            let failure = Failure::new(Kind::Internal, call.what.clone()).saw(format!("{program}: {error}"));
            failure.hint("the daemon's image carries it; was the daemon started without its image?")
        })?;
        let group = ProcessGroup::of(&child);
        let said = Said { lines: Mutex::default(), on_line: self.on_line };
        let ended = timeout(call.deadline, follow(&mut child, &call.input, keep, &said)).await;
        let Ok(ended) = ended else {
            let saw = format!("{program} had not finished after {} s", call.deadline.as_secs());
            return Err(failure().saw(saw).lines(said.last()));
        };
        let (status, printed) = ended.map_err(|error| failure().saw(error))?;
        group.ended();
        if status.success() {
            return Ok(printed);
        }
        let lines = said.last();
        let saw = cause(&lines).unwrap_or_else(|| format!("{program} ended with {status}"));
        Err(failure().saw(saw).lines(lines))
    }
}

async fn follow(
    child: &mut Child,
    input: &str,
    keep: bool,
    said: &Said<'_>,
) -> std::io::Result<(std::process::ExitStatus, String)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // a program that ends early says why; that it did not read everything is not the point
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let read = async {
        let mut printed = String::new();
        match stdout {
            Some(mut stdout) if keep => stdout.read_to_string(&mut printed).await.map(|_| ())?,
            Some(stdout) => said.read(stdout).await?,
            None => {}
        }
        Ok::<_, std::io::Error>(printed)
    };
    let errors = async {
        match stderr {
            Some(stderr) => said.read(stderr).await,
            None => Ok(()),
        }
    };
    let ((), printed, errors) = tokio::join!(write, read, errors);
    errors?;
    Ok((child.wait().await?, printed?))
}

struct Said<'a> {
    lines: Mutex<Vec<String>>,
    on_line: &'a (dyn Fn(&str) + Send + Sync),
}

impl Said<'_> {
    async fn read(&self, from: impl tokio::io::AsyncRead + Unpin) -> std::io::Result<()> {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).await? > 0 {
            self.line(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
        Ok(())
    }

    fn line(&self, line: &str) {
        if line.is_empty() {
            return;
        }
        (self.on_line)(line);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // enough for the end of a failed build; a long one must not fill the memory
        if lines.len() >= 4 * LAST_LINES {
            lines.drain(..LAST_LINES);
        }
        lines.push(line.to_owned());
    }

    fn last(&self) -> Vec<String> {
        text::last(&self.lines.lock().unwrap_or_else(PoisonError::into_inner), LAST_LINES)
    }
}

/// The lines that tell the cause: from the one before the first error on, or else the last two.
fn cause(lines: &[String]) -> Option<String> {
    let is_error = |line: &&String| line.starts_with("ERROR") || line.contains(" is invalid because");
    let told = match lines.iter().position(|line| is_error(&line)) {
        Some(first) => lines[first.saturating_sub(1)..].iter().take(4),
        None => lines[lines.len().saturating_sub(2)..].iter().take(4),
    };
    let told: Vec<&str> = told.map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool<'a>(dir: &'a Path, environment: &'a BTreeMap<String, String>) -> Tool<'a> {
        Tool { socket: Path::new("/run/none.sock"), dir, environment, on_line: &|_| {} }
    }

    fn call<'a>(args: &'a [&'a str], deadline: Duration) -> Call<'a> {
        Call { kind: Kind::Build, what: "try it".into(), args, input: "in".into(), deadline }
    }

    #[tokio::test]
    async fn what_a_program_says_at_its_end_is_the_cause() {
        let (dir, environment) = (tempfile::tempdir().unwrap(), BTreeMap::new());
        let args = ["-c", "echo one; echo two; echo three >&2; exit 4"];
        let failure = tool(dir.path(), &environment).call("sh", &call(&args, Duration::from_secs(20)), false).await;
        let failure = failure.unwrap_err();
        assert_eq!((failure.kind(), failure.last_lines().len()), (Kind::Build, 3), "{failure}");
        let error = ["Step 1", "exit code 7", "ERROR: failed", "more"].map(str::to_owned);
        assert_eq!(cause(&error).as_deref(), Some("exit code 7; ERROR: failed; more"));
    }

    #[tokio::test]
    async fn the_owners_variables_reach_it_and_those_of_the_programs_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let environment = [("GREETING", "hello"), ("DOCKER_HOST", "elsewhere"), ("PATH", "/none")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let args = ["-c", "cat; echo; echo $GREETING; echo $DOCKER_HOST"];
        let printed = tool(dir.path(), &environment).call("sh", &call(&args, Duration::from_secs(20)), true).await;
        assert_eq!(printed.unwrap(), "in\nhello\nunix:///run/none.sock\n");
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_ended() {
        let (dir, environment) = (tempfile::tempdir().unwrap(), BTreeMap::new());
        let args = ["-c", "sleep 60 & wait"];
        let late = tool(dir.path(), &environment).call("sh", &call(&args, Duration::from_millis(50)), false).await;
        assert!(late.unwrap_err().to_string().contains("had not finished"));
    }
}
