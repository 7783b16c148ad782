//! How like a rented server a VPS is: a list of points, each a command and a real server's answer, tried on a VPS.

mod answers;
mod examine;
mod list;

pub use examine::{Deviation, examine};
pub use list::{KnownDifference, LikenessList, Login, Point};
