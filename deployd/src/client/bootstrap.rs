//! `bootstrap.sh` on a server, over SSH, and the lines that it prints. Script and lines are what the client has in common
//! with every other program that installs the daemon.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;

use super::settings::Remote;
use super::ssh;
use crate::error::{Failure, Kind, Result};

/// The script that installs the daemon.
const SCRIPT: &str = include_str!("../../bootstrap.sh");

/// What runs it on the server: as root, whatever the shell of the login is.
const INSTALL: &str =
    "exec sh -c 'if [ \"$(id -u)\" -eq 0 ]; then exec sh -s -- install; fi; exec sudo -n sh -s -- install'";
const UNINSTALL: &str =
    "exec sh -c 'if [ \"$(id -u)\" -eq 0 ]; then exec sh -s -- uninstall; fi; exec sudo -n sh -s -- uninstall'";

/// What to do with a server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verb {
    /// Put the daemon onto it.
    Install,
    /// Take the daemon off it.
    Uninstall,
}

/// What a run of the script printed: `result NAME=VALUE`.
#[derive(Debug, Default)]
pub(super) struct Results(BTreeMap<String, String>);

impl Results {
    /// Takes a result out.
    pub(super) fn take(&mut self, name: &str) -> Result<String> {
        self.0.remove(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            Failure::new(Kind::Internal, "install the daemon").saw(format!("bootstrap.sh printed no result {name}"))
        })
    }
}

/// Runs the script; each line about a step goes to `on_step`.
pub(super) async fn run(
    remote: &Remote,
    dir: &Path,
    verb: Verb,
    variables: &[(&str, String)],
    on_step: impl FnMut(&str),
) -> Result<Results> {
    let mut lines = Lines { on_step, results: Results::default(), failed: None };
    let command = match verb {
        Verb::Install => INSTALL,
        Verb::Uninstall => UNINSTALL,
    };
    // through standard input: nothing of it is left behind on the server
    let ended = ssh::run(remote, dir, command, Cursor::new(script(variables)), |line| lines.line(line)).await?;
    if ended.success {
        return Ok(lines.results);
    }
    let step = lines.failed.unwrap_or_else(|| "before its first step".to_owned());
    let failure = Failure::new(Kind::Internal, format!("bootstrap.sh on {}", remote.name)).saw(step);
    Err(failure.hint("mend the cause and run it again: what is done already is kept").lines(ended.last))
}

/// The script behind its settings.
fn script(variables: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        let _ = writeln!(text, "export {name}={}", quoted(value));
    }
    text + SCRIPT
}

/// A word as a POSIX shell takes it literally.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Sorts the script's lines as they come.
struct Lines<F> {
    on_step: F,
    results: Results,
    failed: Option<String>,
}

impl<F: FnMut(&str)> Lines<F> {
    fn line(&mut self, line: &str) {
        if let Some((name, value)) = line.strip_prefix("result ").and_then(|result| result.split_once('=')) {
            self.results.0.insert(name.to_owned(), value.to_owned());
            return;
        }
        if line.starts_with("step ") && line.contains(": failed") {
            self.failed = Some(line.to_owned());
        }
        (self.on_step)(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(recorded: &str) -> (Vec<String>, Results, Option<String>) {
        let mut steps = Vec::new();
        let mut lines =
            Lines { on_step: |line: &str| steps.push(line.to_owned()), results: Results::default(), failed: None };
        recorded.lines().for_each(|line| lines.line(line));
        let (results, failed) = (lines.results, lines.failed);
        (steps, results, failed)
    }

    #[test]
    fn a_recorded_installation_is_understood() {
        let (steps, mut results, failed) = read(include_str!("../../tests/bootstrap/installed.txt"));
        assert_eq!((steps.len(), failed), (14, None));
        assert!(steps[0] == "step engine: begin" && steps[13].starts_with("step token: done ("), "{steps:?}");
        for name in ["webhook_secret", "api_url", "token", "version"] {
            results.take(name).unwrap();
        }
        assert!(results.take("deploy_key").unwrap().starts_with("ssh-ed25519 "));
        assert!(results.take("webhook_url").unwrap().ends_with(":4303/webhook"));
        results.take("certificate_sha256").unwrap().parse::<super::super::pin::Fingerprint>().unwrap();
        assert!(results.take("token").unwrap_err().to_string().contains("no result token"));
    }

    #[test]
    fn a_recorded_failure_names_its_step() {
        let (_, mut results, failed) = read(include_str!("../../tests/bootstrap/failed.txt"));
        assert!(failed.unwrap().starts_with("step image: failed ("));
        assert!(results.take("token").is_err());
    }

    #[test]
    fn settings_reach_the_script_as_they_are() {
        let value = "a'b $(touch /tmp/x) `id` \"c\"\n\\";
        let text = script(&[("DEPLOYD_IMAGE", value.into())]);
        let begin = text.split("#!/bin/sh").next().unwrap();
        let check = format!("{begin}printf %s \"$DEPLOYD_IMAGE\"");
        let output = std::process::Command::new("sh").arg("-c").arg(check).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
    }
}
