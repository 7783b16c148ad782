//! One file per command.

mod bench;
mod bootstrap;
mod common;
mod completions;
mod copy;
mod deploy;
mod doctor;
mod down;
mod fault;
mod forward;
mod images;
mod lint;
mod list;
mod logs;
mod matrix;
mod mutants;
mod pages;
mod power;
mod snapshot;
mod ssh;
mod status;
mod sweep;
mod test;
mod testenv;

pub use common::say;
#[cfg(test)]
pub use matrix::github;

use crate::cli::{Cli, Command, Global};
use crate::exit::{unless_interrupted, until_interrupted};

/// Runs the command that was typed.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let global = cli.global;
    match cli.command {
        // these still have something to do after Ctrl-C: the report; starting the engine of a VPS again
        Command::Matrix(words) => matrix::run(&global, words).await,
        Command::Test => test::run(&global).await,
        Command::Snapshot(words) => snapshot::take(&global, words).await,
        // these make nothing on the engine
        command @ (Command::Copy(_) | Command::List(_) | Command::Logs(_) | Command::Ssh(_)) => {
            Box::pin(until_interrupted(one(&global, command))).await
        }
        command => Box::pin(unless_interrupted(one(&global, command))).await,
    }
}

async fn one(global: &Global, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Doctor(json) => doctor::run(global, json).await,
        Command::Testenv(words) => testenv::run(global, words).await,
        Command::List(json) => list::run(global, json).await,
        Command::Ssh(words) => ssh::run(global, words).await,
        Command::Copy(words) => copy::run(global, words).await,
        Command::Logs(words) => logs::run(global, words).await,
        Command::Stop(words) => power::stop(global, words).await,
        Command::Start(words) => power::start(global, words).await,
        Command::Reboot(words) => power::reboot(global, words).await,
        Command::Snapshot(words) => snapshot::take(global, words).await,
        Command::Snapshots(words) => snapshot::list(global, words).await,
        Command::Forward(words) => forward::run(global, words).await,
        Command::Fault(words) => fault::run(global, words).await,
        Command::Bootstrap(words) => bootstrap::run(global, words).await,
        Command::Deploy(words) => deploy::run(global, words).await,
        Command::Status(words) => status::run(global, words).await,
        Command::Down(words) => down::run(global, words).await,
        Command::Matrix(words) => matrix::run(global, words).await,
        Command::Images(words) => images::run(global, words).await,
        Command::Sweep => sweep::run(global).await,
        Command::Bench(words) => bench::run(global, words).await,
        Command::Test => test::run(global).await,
        Command::Pages => pages::run(),
        Command::Completions { shell } => completions::run(shell),
    }
}
