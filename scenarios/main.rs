//! What a deploy tool must survive: one file per behaviour, one case per system of the catalog.
//!
//! These need a container engine. `cargo xtask matrix` runs each on the systems that this machine can have.

#[expect(clippy::single_component_path_imports, reason = "the template's macro looks for the name here")]
use rstest_reuse;

mod access;
mod bad_input;
mod boot;
mod bootstrap;
mod builds;
mod bundle;
mod certificate;
mod client;
mod clients;
mod compose;
mod daemon_killed;
mod disk_full;
mod dynamic_dns;
mod engine_killed;
mod environment;
mod failure;
mod faults;
mod field;
mod first_deploy;
mod git;
mod image_hook;
mod inits;
mod layers;
mod legacy;
mod likeness;
mod logins;
mod logs;
mod memory;
mod neighbours;
mod network_cut;
mod notifier;
mod others;
mod power;
mod promote;
mod proxy_follows;
mod reboot;
mod rolling;
mod senders;
mod sizes;
mod snapshots;
mod staging;
mod support;
mod users;
mod web_page;
mod webhooks;

include!(concat!(env!("OUT_DIR"), "/systems.rs"));
