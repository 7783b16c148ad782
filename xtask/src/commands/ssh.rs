//! `ssh`: a shell on a VPS, or one command with its exit status.

use harness::ssh::{Attach, ExitStatus, quote};
use tokio::io::{stderr, stdin, stdout};

use super::common::kept_vps;
use crate::cli::{Global, Ssh};
use crate::exit::Status;
use crate::terminal::Terminal;

/// What OpenSSH's client ends with when a signal ended the command.
const BY_SIGNAL: u8 = 255;

pub async fn run(global: &Global, words: Ssh) -> anyhow::Result<()> {
    let vps = kept_vps(global, words.name.as_deref()).await?;
    let session = vps.ssh().await?;
    // like OpenSSH: words are joined by spaces and the VPS's shell reads them; one word alone is a script
    let command = (!words.command.is_empty()).then(|| match words.command.as_slice() {
        [script] => script.clone(),
        words => words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
    });
    let terminal = if command.is_none() { Terminal::raw()? } else { None };
    let attach = Attach {
        input: stdin(),
        output: stdout(),
        errors: stderr(),
        terminal: terminal.as_ref().map(Terminal::as_seen_from_the_far_side),
    };
    let status = session.attach(command.as_deref(), attach).await;
    drop(terminal);
    session.close().await;
    match status? {
        ExitStatus::Code(0) => Ok(()),
        ExitStatus::Code(code) => Err(Status(u8::try_from(code).unwrap_or(1)).into()),
        ExitStatus::Signal(name) => {
            eprintln!("ended by SIG{name}");
            Err(Status(BY_SIGNAL).into())
        }
    }
}
