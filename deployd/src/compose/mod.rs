//! Compose projects: what their file says, which service serves, and the Compose tool of the daemon's own image.

mod document;
mod front;
mod model;
mod project;
mod tool;

pub(crate) use project::{ComposeProject, Serves};
