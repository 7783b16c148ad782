//! What a webhook tells, whoever sent it.

use serde::de::DeserializeOwned;

use crate::error::{Failure, Kind, Result};

/// What a webhook tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Commits were pushed.
    Push(Push),
    /// An image was pushed to a registry.
    Image {
        /// The image's repository.
        repository: String,
        /// The tag.
        tag: String,
    },
    /// Something that never leads to a deploy; the text says what.
    Other(String),
}

/// A push to a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Every address of the repository that the sender told.
    pub addresses: Vec<String>,
    /// Its path at the git host, `team/app`.
    pub full_name: String,
    /// What the push changed.
    pub changes: Vec<Change>,
}

/// A branch or a tag that a push changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was changed.
    pub target: Target,
    /// The commit it named before; nothing if it was made.
    pub before: Option<String>,
    /// The commit it names now; nothing if it was removed.
    pub after: Option<String>,
}

/// What a push changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A reference of another sort.
    Other(String),
}

impl Target {
    /// `refs/heads/main` is the branch `main`.
    pub(super) fn of_reference(reference: &str) -> Self {
        match (reference.strip_prefix("refs/heads/"), reference.strip_prefix("refs/tags/")) {
            (Some(branch), _) => Self::Branch(branch.to_owned()),
            (None, Some(tag)) => Self::Tag(tag.to_owned()),
            (None, None) => Self::Other(reference.to_owned()),
        }
    }
}

/// A commit's hash; git hosts write zeros where there is no commit.
pub(super) fn commit(hash: &str) -> Option<String> {
    (!hash.bytes().all(|byte| byte == b'0')).then(|| hash.to_owned())
}

/// The addresses that were told, without the empty ones.
pub(super) fn addresses<const N: usize>(told: [&str; N]) -> Vec<String> {
    told.into_iter().filter(|address| !address.is_empty()).map(str::to_owned).collect()
}

/// Reads a body whose signature is valid.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8], sender: &str) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::new(Kind::Invalid, format!("read the webhook of {sender}")).saw(error))
}
