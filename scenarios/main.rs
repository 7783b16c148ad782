//! What a deploy tool must survive: one file per behaviour, one case per system of the catalog.
//!
//! These need a container engine. `cargo xtask matrix` runs each on the systems that this machine can have.

use rstest_reuse;

mod boot;
mod compose;
mod failure;
mod first_deploy;
mod others;
mod reboot;
mod support;

include!(concat!(env!("OUT_DIR"), "/systems.rs"));
