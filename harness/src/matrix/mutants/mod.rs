//! Mutants: deliberate defects of the deploy tool, each of which a scenario must notice.
//!
//! A scenario that cannot fail proves nothing. `scenarios/mutants.toml` lists defects as a careless programmer makes them,
//! and for each the scenario that turns red by it and the words of the assertion that fails. That the scenarios pass
//! without any defect is what the matrix says; it is not tried again here.

mod list;
mod run;
mod tree;

pub use list::{LIST, Mutant, MutantList};
pub use run::{MutantPlan, PROJECTS_VARIABLE, Programs, run_mutants};
pub use tree::Tree;
