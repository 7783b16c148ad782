//! One file per command.

mod bench;
mod bootstrap;
mod common;
mod deploy;
mod doctor;
mod down;
mod images;
mod list;
mod logs;
mod matrix;
mod mutants;
mod ssh;
mod status;
mod sweep;
mod test;
mod testenv;

pub use common::say;

use crate::cli::{Cli, Command};

/// Runs the command that was typed.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let global = cli.global;
    match cli.command {
        Command::Doctor(json) => doctor::run(&global, json).await,
        Command::Testenv(words) => testenv::run(&global, words).await,
        Command::List(json) => list::run(&global, json).await,
        Command::Ssh(words) => ssh::run(&global, words).await,
        Command::Logs(words) => logs::run(&global, words).await,
        Command::Bootstrap(words) => bootstrap::run(&global, words).await,
        Command::Deploy(words) => deploy::run(&global, words).await,
        Command::Status(words) => status::run(&global, words).await,
        Command::Down(words) => down::run(&global, words).await,
        Command::Matrix(words) => matrix::run(&global, words).await,
        Command::Images(words) => images::run(&global, words).await,
        Command::Sweep => sweep::run(&global).await,
        Command::Bench(words) => bench::run(&global, words).await,
        Command::Test => test::run(&global).await,
    }
}
