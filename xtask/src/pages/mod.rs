//! A page per scenario, made of what the repository knows of it: its source, its mutants, its measured duration.

mod page;
mod source;
mod write;

pub use write::write;
