//! A deploy tool of others, as a file of commands describes it.

mod file;
mod operator;
mod tool;

pub use tool::{Command, DEPLOYER_VARIABLE, Results};
