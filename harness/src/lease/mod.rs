//! Who owns which container: runs, their reaper, and the sweep of what nobody owns.
//!
//! A *run* is one process that makes things on the engine. It holds a lock on a file of its own for as long as it
//! lives, and everything it makes carries the run's label. A container outlives its run only when the state file of a
//! workspace names it: that is how `testenv` keeps a VPS. A *reaper*, a second process, waits for the end of the run,
//! however it came, and removes the rest.

mod labels;
mod reaper;
mod run;
mod runs;
mod sweep;

pub(crate) use labels::{COMMAND, EXPIRES, FOLDER, NAME, OURS, ROLE, RUN, STATE, SYSTEM, UPSTREAM, WORKSPACE};
pub(crate) use run::COMMAND_VARIABLE;
pub use run::Lease;
pub use runs::MachineDir;
pub(crate) use runs::host_id;
pub use sweep::{Swept, sweep};
