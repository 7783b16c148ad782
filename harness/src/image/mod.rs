//! Images: bases from the first source that answers, recipes built on them, and the stock that VPSes pull from.

mod authorities;
mod base;
mod mirror;
mod recipe;
pub(crate) mod stock;
mod tools;

pub use authorities::extra_authorities;
pub use base::{Base, BaseSource, BaseSources, Reach};
pub use recipe::{Progress, Recipe};
pub(crate) use recipe::{archive, short_hex};
pub use stock::Stock;
pub(crate) use tools::daemon_parts;
pub use tools::{DAEMON_REPOSITORY, Tool, daemon_image, tool_image, vps_image};

/// Every image of this tool has a reference that begins so.
pub const REPOSITORY: &str = "testvps";
