//! Telling a chat how deploys end, at an address that is a secret.

mod address;
mod client;
mod message;
mod tell;

pub use tell::Notifier;
