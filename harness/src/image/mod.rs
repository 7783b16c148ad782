//! Images: bases from the first source that answers, recipes built on them, and the stock that VPSes pull from.

mod authorities;
mod base;
mod buildpack;
mod keyring;
mod mirror;
mod program;
mod prune;
mod recipe;
mod sources;
pub(crate) mod stock;
mod tools;

pub(crate) use authorities::extra_authorities;
pub use base::{Base, Reach};
pub use buildpack::{builder_image, builder_reference};
pub(crate) use mirror::{address as mirror_address, setting as mirror_setting};
pub use program::{PROGRAM_HEADER, header_arch, program_arch};
pub use prune::prune;
pub use recipe::{Progress, Recipe};
pub(crate) use recipe::{archive, short_hex};
pub(crate) use sources::REGISTRY_VARIABLE;
pub use sources::{ARCH_VARIABLE, BaseSource, BaseSources};
pub use stock::Stock;
pub use tools::{DAEMON_REPOSITORY, Tool, daemon_image, tool_image, vps_image, vps_recipe};
pub(crate) use tools::{cross_image, daemon_parts};

/// Every image of this tool has a reference that begins so.
pub const REPOSITORY: &str = "testvps";
