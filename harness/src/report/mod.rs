//! What a matrix run came to, as data, and as files that programs and people read.

mod evidence;
mod html;
mod json;
mod junit;
mod markdown;
mod mutants;
mod names;
mod verdict;

pub use json::{CellReport, MatrixReport, Memory, Outcome, ScenarioReport, Stopped, Totals};
pub use mutants::{MutantOutcome, MutantReport, MutantsReport};
pub(crate) use names::{cell_slug, scenario_folder};
