//! The commands of the program.

mod args;
mod program;
mod ready;
mod serve;

pub use program::main;
