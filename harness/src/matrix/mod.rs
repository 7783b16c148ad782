//! The matrix: every scenario on every system, each in a process of its own.

mod cells;
mod durations;
mod filters;
mod memory;
pub mod mutants;
mod partition;
mod run;
mod scenarios;
mod schedule;
mod tools;
mod width;

pub use cells::{Cell, cells};
pub use durations::{DURATIONS, Durations};
pub use filters::unknown_filter;
pub use partition::Partition;
pub use run::{Plan, Tool, none_can_run, run};
pub use scenarios::{Case, ScenarioBinary, Work};
pub use schedule::Event;
pub use width::Width;
