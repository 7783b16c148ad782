//! What the daemon asks the edge.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Routes;

/// The version of these messages: an edge that speaks another one is replaced, any other is left alone.
pub(super) const PROTOCOL: u32 = 2;

/// A question of the daemon.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    /// Are you there?
    Hello,
    /// Could this port be opened?
    Check(u16),
    /// These are the routes from now on; all of them or, with an error, none.
    Apply(Routes),
    /// Answer when no connection leads to a container that has no route any more.
    Drain,
}

/// The edge's answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    /// The version of the messages that it speaks.
    pub(super) protocol: u32,
    /// Why it did not do it.
    pub(super) error: Option<String>,
}

/// The edge's socket in the directory that it shares with the daemon.
pub(super) fn socket(dir: &Path) -> PathBuf {
    dir.join("edge.sock")
}
