//! The command line of the test environment: parses the words, runs the command, turns its end into an exit status.

mod build;
mod build_foreign;
mod cli;
mod commands;
mod daemon;
mod exit;
mod pages;
mod side;
mod terminal;
mod tunnel;
#[cfg(test)]
mod workflows;

use clap::Parser;

fn main() -> std::process::ExitCode {
    let cli = cli::Cli::parse();
    match tunnel::enter() {
        Ok(()) => exit::of(|| commands::run(cli)),
        Err(error) => exit::report(&error),
    }
}
