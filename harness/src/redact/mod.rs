//! What lets somebody in is struck out of everything that is written down: values that are known, and what looks like one.
//!
//! Whoever gets hold of a secret [`learn`]s it; [`strike_out`] takes it out of a text in whatever form it stands there. The
//! process that runs a scenario knows none of its secrets: it gets them by a [`Handover`].

mod forms;
mod handover;
mod known;
mod patterns;

pub use handover::Handover;
pub use known::{Secrets, learn, learn_from, strike_out};

/// Marks that something secret stood here.
pub const STRUCK_OUT: &str = "[struck out]";
