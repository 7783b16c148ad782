//! Mock VPSes: what is asked for, and the machine that comes of it.

mod disk;
mod fault;
mod identity;
mod info;
mod inject;
mod limits;
mod machine;
mod name;
mod network;
mod pid1;
mod power;
mod reach;
mod request;
mod size;
mod snapshot;
mod snapshots;
mod start;

pub use fault::Fault;
pub use info::{EngineInfo, PortInfo, SshInfo, Timings, VpsInfo};
pub use machine::Vps;
pub use request::{PortMapping, VpsRequest};
pub use size::{Size, parse_bytes};
pub(crate) use snapshot::{FREEZE, prune_snapshots};
pub use snapshot::{SNAPSHOT_REPOSITORY, Snapshot};
pub use snapshots::{BOOTSTRAPPED, SnapshotInfo, snapshot_name};
pub use start::CAPABILITIES;
