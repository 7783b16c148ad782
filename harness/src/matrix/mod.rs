//! The matrix: every scenario on every system, each in a process of its own.

mod cells;
pub mod mutants;
mod run;
mod scenarios;

pub use cells::{Cell, cells};
pub use run::{Event, Plan, run};
pub use scenarios::{Case, ScenarioBinary};
