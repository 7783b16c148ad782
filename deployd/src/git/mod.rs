//! The project's source: a work tree that is exactly the head of a branch.

mod checkout;
mod leftovers;
mod process;
mod remote;
mod submodules;

pub use checkout::{Commit, checkout};
pub use remote::{path_of, same_remote, without_password};
