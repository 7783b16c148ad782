//! The command line of the test environment: parses the words, runs the command, turns its end into an exit status.

mod build;
mod cli;
mod commands;
mod daemon;
mod exit;
mod terminal;

use clap::Parser;

fn main() -> std::process::ExitCode {
    exit::of(|| commands::run(cli::Cli::parse()))
}
