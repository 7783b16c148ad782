//! The ways to make an image of a work tree, behind one trait.

mod builder;
mod choose;
mod compose;
mod context;
mod dockerfile;
mod ignorefile;
mod pattern;
mod procfile;

pub use builder::{Builder, Built, Job};
pub use choose::{Plan, all, choose};
pub(crate) use dockerfile::{SOURCE_VERSION, arguments as dockerfile_arguments};
pub use procfile::Procfile;
