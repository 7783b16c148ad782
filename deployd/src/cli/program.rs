//! From the words of the command line to an exit code.

use std::future::Future;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::args::{Cli, Command, Data};
use super::{ready, serve};
use crate::client;
use crate::control::{self, Question};
use crate::edge;
use crate::error::{Failure, Kind, Result};
use crate::settings::DataDir;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("deployd: {failure}");
            // 2 for wrong words, on the command line or in a file that people write
            ExitCode::from(if failure.kind() == Kind::Invalid { 2 } else { 1 })
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Client(command) => runtime(1)?.block_on(client::run(command)),
        Command::Serve(args) => {
            log();
            runtime(2)?.block_on(async { serve::serve(args, terminated()?).await })
        }
        Command::Edge { dir } => {
            log();
            runtime(1)?.block_on(async {
                let terminated = terminated()?;
                tokio::select! {
                    ended = edge::run(&dir) => ended,
                    () = terminated => Ok(()),
                }
            })
        }
        Command::Token(data) => print(&data, Question::Token),
        Command::Info(data) => print(&data, Question::Info),
        Command::Ready(args) => runtime(1)?.block_on(ready::ready(&args)),
    }
}

fn print(data: &Data, question: Question) -> Result<()> {
    let socket = DataDir::new(&data.data_dir).control_socket();
    let text = runtime(1)?.block_on(control::ask(&socket, question))?;
    println!("{text}");
    Ok(())
}

/// Few threads: the daemon mostly waits for the engine, and each one costs memory.
fn runtime(workers: usize) -> Result<Runtime> {
    let built = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    built.map_err(|error| Failure::new(Kind::Internal, "start the program").saw(error))
}

fn log() {
    let filter = EnvFilter::try_from_env("DEPLOYD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_target(false).init();
}

/// Ends when someone asks the program to end.
fn terminated() -> Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).map_err(|error| Failure::new(Kind::Internal, "listen for signals").saw(error));
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}
