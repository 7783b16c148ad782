//! The container engine: reaching it, its images, containers and networks. Types of bollard end here.

mod archive;
mod connect;
mod containers;
mod exec;
mod images;
mod networks;
mod power;
mod stats;

pub(crate) use connect::DISK_FULL;
pub use connect::{About, BEHIND, Engine, HOST};
pub(crate) use containers::SharedFolder;
pub(crate) use containers::{Attach, ContainerSpec, Disk, Publish, Restarts};
pub use containers::{ContainerState, Found, LogLine};
pub use images::ImageInfo;
pub(crate) use images::{ARCH, BuildContext, Imported};
pub(crate) use networks::Subnet;
