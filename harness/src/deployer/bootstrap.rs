//! Running deployd's bootstrap script on a VPS and reading what it prints.

use std::collections::BTreeMap;

use super::OnLine;
use super::lines::LineBuffer;
use crate::error::{Error, Failure, Result};
use crate::redact;
use crate::ssh::{Exec, Stream};
use crate::vps::Vps;

/// The script that people install the daemon with.
pub(super) const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../deployd/bootstrap.sh"));

/// The results that a run of the script printed (`result NAME=VALUE`).
pub(super) type Results = BTreeMap<String, String>;

/// Runs the script's `verb` on a VPS as root; each `step` line goes to `on_line`.
pub(super) async fn run(vps: &Vps, verb: &str, variables: &[(&str, String)], on_line: OnLine<'_>) -> Result<Results> {
    let mut lines = Lines::new(on_line);
    let mut exec = Exec::new().stdin(SCRIPT.as_bytes());
    for (name, value) in variables {
        exec = exec.env(*name, value.clone());
    }
    let exec = exec.on_output(|stream, piece| {
        if stream == Stream::Stdout {
            lines.take(piece);
        }
    });
    let start = std::time::Instant::now();
    // the script comes through standard input: nothing of it is left behind on the VPS
    let output = vps.ssh().await?.exec_with(&format!("sh -s -- {verb}"), exec).await?;
    if output.success() {
        return Ok(lines.results);
    }
    let step = lines.failed.take().unwrap_or_else(|| "its first step".to_owned());
    let said = output.stderr_text();
    let last: Vec<&str> = said.lines().rev().take(15).collect();
    let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    Err(Error::Deploy(
        Failure::new(vps.subject(), format!("bootstrap ({verb}): {step}"))
            .after(start.elapsed())
            .saw(last)
            .hint("mend the cause and run it again: what is done already is kept"),
    ))
}

/// The results that let somebody in.
fn learn_result(name: &str, value: &str) {
    if matches!(name, "token" | "webhook_secret") {
        redact::learn(value);
    }
}

/// Sorts the script's lines as they come.
pub(super) struct Lines<'a> {
    on_line: OnLine<'a>,
    partial: LineBuffer,
    pub(super) results: Results,
    failed: Option<String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(on_line: OnLine<'a>) -> Self {
        Self { on_line, partial: LineBuffer::default(), results: Results::new(), failed: None }
    }

    pub(super) fn take(&mut self, piece: &[u8]) {
        let mut buffer = std::mem::take(&mut self.partial);
        buffer.take(piece, |line| self.line(line));
        self.partial = buffer;
    }

    fn line(&mut self, line: &str) {
        if let Some((name, value)) = line.strip_prefix("result ").and_then(|result| result.split_once('=')) {
            learn_result(name, value);
            self.results.insert(name.to_owned(), value.to_owned());
            return;
        }
        if line.starts_with("step ") && line.contains(": failed") {
            self.failed = Some(line.to_owned());
        }
        (self.on_line)(line);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// The client of deployd reads the same samples: script and lines are what the two have in common.
    #[test]
    fn recorded_runs_are_understood() {
        let shown = Mutex::new(0);
        let count = |_: &str| *shown.lock().unwrap() += 1;
        let mut lines = Lines::new(&count);
        lines.take(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../deployd/tests/bootstrap/installed.txt")));
        assert_eq!((*shown.lock().unwrap(), lines.results.len(), lines.failed.as_deref()), (14, 7, None));
        let names = lines.results.keys().map(String::as_str).collect::<Vec<_>>();
        let known =
            ["api_url", "certificate_sha256", "deploy_key", "token", "version", "webhook_secret", "webhook_url"];
        assert_eq!(names, known);
        let mut lines = Lines::new(&count);
        lines.take(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../deployd/tests/bootstrap/failed.txt")));
        assert!(lines.results.is_empty());
        assert!(lines.failed.is_some_and(|step| step.starts_with("step image: failed (")));
    }

    #[test]
    fn results_are_kept_and_everything_else_is_shown_as_it_comes() {
        let shown = Mutex::new(Vec::new());
        let show = |line: &str| shown.lock().unwrap().push(line.to_owned());
        let mut lines = Lines::new(&show);
        lines.take(b"step engine: begin\nstep eng");
        lines.take(b"ine: failed (no route)\nresult token=a=b\n");
        assert_eq!(lines.results.get("token").map(String::as_str), Some("a=b"));
        assert_eq!(lines.failed.as_deref(), Some("step engine: failed (no route)"));
        assert_eq!(*shown.lock().unwrap(), ["step engine: begin", "step engine: failed (no route)"]);
    }
}
