//! Running a command: its input, its two streams as they come, its end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelWriteHalf, Sig};
use tokio::time::timeout;

use super::channel::Opened;
use super::kill::Marker;
use super::output::{ExitStatus, Output, Stream, tail};
use super::quote::quote;
use super::session::Session;
use crate::error::{Error, Result};
use crate::story;

/// SSH's number for standard error.
const EXTENDED_STDERR: u32 = 1;

type OnOutput<'a> = Box<dyn FnMut(Stream, &[u8]) + Send + 'a>;

/// How a command is run, where it is more than its text.
#[derive(Default)]
#[must_use]
pub struct Exec<'a> {
    stdin: Bytes,
    env: Vec<(String, String)>,
    deadline: Option<Duration>,
    on_output: Option<OnOutput<'a>>,
    keep: Option<usize>,
}

impl<'a> Exec<'a> {
    /// No input, no variables, no deadline; all output is kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the command reads from standard input, which then ends.
    pub fn stdin(mut self, bytes: impl Into<Bytes>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Sets an environment variable. It is exported by the shell that runs the command, because servers refuse nearly all
    /// that come as variables; its value is never part of an error.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Fails once this much time has passed, and kills the command with everything that it started in its session.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Is called with each piece of output as it comes. It must be quick: the connection waits for it.
    pub fn on_output(mut self, f: impl FnMut(Stream, &[u8]) + Send + 'a) -> Self {
        self.on_output = Some(Box::new(f));
        self
    }

    /// Keeps only about the last so many bytes of each stream, for a command that writes without end.
    pub fn keep_last(mut self, bytes: usize) -> Self {
        self.keep = Some(bytes);
        self
    }

    fn script(&self, command: &str) -> String {
        let mut script = String::new();
        for (name, value) in &self.env {
            // Writing to a string cannot fail.
            let _ = write!(script, "export {name}={}; ", quote(value));
        }
        script + command
    }
}

impl Session {
    /// Runs a command to its end. A status other than 0 is no error here.
    pub async fn exec(&self, command: &str) -> Result<Output> {
        self.exec_with(command, Exec::new()).await
    }

    /// Runs a command; a status other than 0, or a signal, is an error that quotes the end of its output.
    pub async fn run(&self, command: &str) -> Result<Output> {
        self.run_with(command, Exec::new()).await
    }

    /// [`Session::run`] with input, variables, a deadline, output as it comes.
    pub async fn run_with(&self, command: &str, exec: Exec<'_>) -> Result<Output> {
        let output = self.exec_with(command, exec).await?;
        if output.success() {
            return Ok(output);
        }
        let seen = format!("{}{}", output.status, tail(&output.stdout, &output.stderr));
        Err(Error::Exec(self.failure(run(command)).after(output.elapsed).saw(seen)))
    }

    /// [`Session::exec`] with input, variables, a deadline, output as it comes.
    pub async fn exec_with(&self, command: &str, exec: Exec<'_>) -> Result<Output> {
        let told = story::begin(story::Kind::Ssh, || command.to_owned());
        let start = Instant::now();
        let limit = exec.deadline.map(|deadline| (deadline, Marker::new()));
        let script = limit.iter().fold(exec.script(command), |script, (_, marker)| marker.mark(&script));
        let mut got = Collected { keep: exec.keep, on_output: exec.on_output, ..Collected::default() };
        let driven = self.drive(&script, exec.stdin, &mut got);
        let ended = match limit {
            None => driven.await,
            Some((deadline, marker)) => match timeout(deadline, driven).await {
                Ok(ended) => ended,
                Err(_) => Err(marker.kill(self).await.to_owned()),
            },
        };
        let elapsed = start.elapsed();
        let success = ended.as_ref().is_ok_and(ExitStatus::success);
        told.end(
            success,
            || ended.as_ref().map_or_else(Clone::clone, ToString::to_string),
            &[&got.stdout, &got.stderr],
        );
        match ended {
            Ok(status) => Ok(Output { stdout: got.stdout, stderr: got.stderr, status, elapsed }),
            Err(why) => {
                let seen = format!("{why}{}", tail(&got.stdout, &got.stderr));
                Err(Error::Exec(self.failure(run(command)).after(elapsed).saw(seen)))
            }
        }
    }

    /// Carries bytes both ways until the server has closed the channel. The words of an error say why it ended early.
    async fn drive(&self, script: &str, stdin: Bytes, got: &mut Collected<'_>) -> Result<ExitStatus, String> {
        let (session, channel) = self.open().await?;
        let mut channel = Opened::command(channel);
        channel.write.exec(true, script).await.map_err(|e| session.broken(&e))?;
        let write = std::sync::Arc::clone(&channel.write);
        // Beside the reading and dropped with it: a command that does not read its input must not hold its output up,
        // and on a lost connection a writer would wait for room forever.
        let sending = feed(&write, stdin);
        tokio::pin!(sending);
        let (mut sent, mut status, mut complete) = (false, None, false);
        loop {
            let message = tokio::select! {
                message = channel.read.wait() => message,
                () = &mut sending, if !sent => { sent = true; continue }
            };
            match message {
                Some(ChannelMsg::Data { data }) => got.add(Stream::Stdout, &data),
                Some(ChannelMsg::ExtendedData { data, ext: EXTENDED_STDERR }) => got.add(Stream::Stderr, &data),
                Some(ChannelMsg::Failure) => return Err("the server refuses to run commands".to_owned()),
                Some(ChannelMsg::Eof) => complete = true,
                None | Some(ChannelMsg::Close) => {
                    channel.over();
                    complete |= message.is_some();
                    return status.filter(|_| complete).ok_or_else(|| session.ended_early(message.as_ref()));
                }
                Some(message) => status = ended(&message).or(status),
            }
        }
    }
}

async fn feed(write: &ChannelWriteHalf<Msg>, stdin: Bytes) {
    // A command may end, or close its input, before it has read all of it: its status tells whether that was wrong.
    if write.data_bytes(stdin).await.is_ok() {
        let _ = write.eof().await;
    }
}

/// How the command ended, if that is what the message tells.
pub(super) fn ended(message: &ChannelMsg) -> Option<ExitStatus> {
    match message {
        ChannelMsg::ExitStatus { exit_status } => Some(ExitStatus::Code(*exit_status)),
        ChannelMsg::ExitSignal { signal_name, .. } => Some(ExitStatus::Signal(match signal_name {
            Sig::Custom(name) => name.clone(),
            known => format!("{known:?}"),
        })),
        _ => None,
    }
}

/// The action of an error: the command's first line, not too long.
pub(super) fn run(command: &str) -> String {
    const LONGEST: usize = 160;
    let line = command.trim().lines().next().unwrap_or_default();
    let short: String = line.chars().take(LONGEST).collect();
    let more = if short.len() < command.trim().len() { " ..." } else { "" };
    format!("run `{short}{more}`")
}

/// The output so far.
#[derive(Default)]
struct Collected<'a> {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    keep: Option<usize>,
    on_output: Option<OnOutput<'a>>,
}

impl Collected<'_> {
    fn add(&mut self, stream: Stream, data: &[u8]) {
        if let Some(f) = &mut self.on_output {
            f(stream, data);
        }
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        kept.extend_from_slice(data);
        // Only at twice the size, so that the bytes are not moved with every piece.
        if let Some(keep) = self.keep.filter(|keep| kept.len() > keep.saturating_mul(2)) {
            kept.drain(..kept.len() - keep);
        }
    }
}
