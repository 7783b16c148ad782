//! The container engine: reaching it, its images, containers and networks. Types of bollard end here.

mod connect;
mod containers;
mod images;
mod networks;

pub use connect::{About, Engine};
pub use containers::{ContainerState, Found, LogLine};
pub(crate) use containers::{Attach, ContainerSpec, Publish};
pub use images::ImageInfo;
pub(crate) use images::{BuildContext, Imported};
pub(crate) use networks::Subnet;
