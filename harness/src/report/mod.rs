//! What a matrix run came to, as data and as a file that other programs read.

mod json;
mod mutants;

pub use json::{CellReport, MatrixReport, Outcome, ScenarioReport, Totals};
pub use mutants::{MutantOutcome, MutantReport, MutantsReport};
