//! The deploy daemon, as a program.
#![warn(missing_docs)]

use std::process::ExitCode;

fn main() -> ExitCode {
    deployd::cli::main()
}
