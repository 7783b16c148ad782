//! The container engine of the machine: nothing of bollard is seen outside of this folder.

mod build;
mod connect;
mod containers;
mod events;
mod images;
mod logs;
mod network;
mod spec;
mod subnet;
mod volumes;
mod workshop;

pub use build::BuildSpec;
pub use connect::Engine;
pub use containers::{Container, State};
pub use events::OutOfMemory;
pub use images::Image;
pub use logs::LogStream;
pub(crate) use spec::ROLE;
pub use spec::{ContainerSpec, Network, Role};
pub use workshop::{BuildContainer, Commit, Volume};
