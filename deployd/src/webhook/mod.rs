//! Webhooks: what a git host or an image registry tells of a push, believed only with its signature.
//!
//! [`read`] is pure: headers, query, body and secret go in, an event or the reason of its refusal comes out. [`decide`]
//! is pure as well: whether an event is about the project of this machine.

mod bitbucket;
mod decide;
mod docker_hub;
mod event;
mod github;
mod gitlab;
mod headers;
mod read;
mod verify;

pub use decide::{Decision, decide};
pub use event::{Change, Event, Push, Target};
pub use read::{Delivery, Provider, read};
