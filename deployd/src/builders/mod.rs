//! The ways to make an image of a work tree, behind one trait.

mod builder;
mod choose;
mod context;
mod dockerfile;
mod ignorefile;
mod pattern;
mod procfile;

pub use builder::{Builder, Job};
pub use choose::{Plan, all, choose};
pub(crate) use dockerfile::SOURCE_VERSION;
pub use procfile::Procfile;
