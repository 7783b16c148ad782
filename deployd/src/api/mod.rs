//! The HTTP interface: one envelope, one table of routes, each with the level that it demands.

mod access;
mod answer;
mod app;
mod body;
mod client;
mod deploys;
mod down;
mod env;
mod envelope;
mod login;
mod logs;
mod openapi;
mod prune;
mod reset;
mod rollback;
mod router;
mod status;
mod token;
mod totp;
mod up;
mod users;
mod web;
mod webhook;

pub use access::Access;
pub use answer::Answer;
pub use app::App;
pub use openapi::document;
pub use router::router;
