//! `completions`: what a shell needs to complete the words of the installed program.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Cli;

/// The program's name: shells complete it, and not an alias of cargo.
const PROGRAM: &str = "testvps";

pub fn run(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command().name(PROGRAM), PROGRAM, &mut script);
    // written in one piece: what goes into a closed pipe is an error here and a panic there
    Ok(std::io::stdout().write_all(&script)?)
}
