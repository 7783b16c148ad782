//! A base image made from the distribution's package mirror: with mmdebstrap for the apt family, with dnf for the rpm family.

mod apt;
mod import;
mod plan;
mod rpm;

pub(super) use import::NotMade;
pub(super) use plan::{Plan, answers, named};
pub(crate) use plan::{address, setting};
