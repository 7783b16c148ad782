//! The edge: a TCP proxy in a container of its own that owns the public ports.
//!
//! A restart or a kill of the daemon does not touch it, and a new version takes over a port by one change of its route:
//! the port is never closed in between. It has no access to the engine.

mod client;
mod connection;
mod connections;
mod container;
mod listeners;
mod message;
mod program;
mod routes;

pub use client::Edge;
pub use container::Keeper;
pub use program::run;
pub use routes::Routes;
