//! The command line of the test environment.
fn main() {}
