//! The container engine: reaching it, its images, containers and networks. Types of bollard end here.

mod connect;
mod containers;
mod images;
mod networks;

pub use connect::{About, Engine};
pub(crate) use containers::SharedFolder;
pub(crate) use containers::{Attach, ContainerSpec, Publish};
pub use containers::{ContainerState, Found, LogLine};
pub use images::ImageInfo;
pub(crate) use images::{BuildContext, Imported};
pub(crate) use networks::Subnet;
