//! The commands of the program.

mod args;
mod program;
mod ready;
mod serve;
pub(crate) mod words;

pub use program::main;
