//! `matrix`: every scenario on every system that this machine can run.

mod kept;
mod list;
mod live;
mod plain;
mod plan;
mod run;
mod show;
mod watch;

#[cfg(test)]
pub use list::github;
pub use plan::{nothing_can_run, report_folder};
pub use run::run;
