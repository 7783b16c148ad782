//! How much a token allows.

use serde::{Deserialize, Serialize};

/// How much a token allows; a higher level allows what a lower one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Reading.
    User,
    /// Everything.
    Admin,
}
