//! The deploy daemon, as a program.
fn main() {}
