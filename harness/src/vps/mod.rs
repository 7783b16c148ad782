//! Mock VPSes: what is asked for, and the machine that comes of it.

mod identity;
mod info;
mod machine;
mod request;
mod snapshot;
mod start;

pub use info::{PortInfo, SshInfo, Timings, VpsInfo};
pub use machine::Vps;
pub use request::{PortMapping, VpsRequest};
pub(crate) use snapshot::FREEZE;
pub use snapshot::{Snapshot, prune_snapshots};
pub use start::CAPABILITIES;
