//! The HTTP interface: one envelope, one table of routes, each with the level that it demands.

mod access;
mod answer;
mod app;
mod body;
mod deploys;
mod down;
mod envelope;
mod logs;
mod prune;
mod reset;
mod rollback;
mod router;
mod status;
mod token;
mod up;

pub use access::Access;
pub use answer::Answer;
pub use app::App;
pub use router::{RouteInfo, route_table, router};
