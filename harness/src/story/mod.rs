//! The story of a scenario: what the harness did, when, for how long and with what answer, written down as it happens.
//!
//! It goes into the scenario's bundle, one record a line, so that a scenario that is killed leaves it as well. Secrets are
//! struck out of it.

mod read;
mod record;

pub use read::{Ended, Told, read, shorten, transcript};
pub use record::{Act, begin, end, step};

use serde::{Deserialize, Serialize};

/// The file in a bundle.
pub const FILE: &str = "story.jsonl";

/// What kind of thing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something that was said: by the scenario, by the deploy tool, by a long piece of work.
    Step,
    /// Waiting for something.
    Wait,
    /// A command over SSH.
    Ssh,
    /// A request to the deploy tool's interface.
    Http,
    /// Something done with the git host.
    Git,
}

impl Kind {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Wait => "wait",
            Self::Ssh => "ssh",
            Self::Http => "http",
            Self::Git => "git",
        }
    }
}

/// A line of the file: that something begins, or that it has ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Record {
    Ended {
        n: u64,
        took_ms: u64,
        ok: bool,
        result: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        output: String,
    },
    Began {
        n: u64,
        at_ms: u64,
        kind: Kind,
        text: String,
    },
}
