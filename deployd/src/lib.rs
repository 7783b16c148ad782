//! The deploy daemon.
#![warn(missing_docs)]
