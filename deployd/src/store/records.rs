//! The records of the store.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::auth::Level;
use crate::project_file::{BuildType, Health};

/// The project of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// The address of its repository.
    pub remote: String,
    /// The branch that is deployed.
    pub branch: String,
    /// How it was asked to be built; nothing leaves it to `project.toml`.
    pub build_type: Option<BuildType>,
    /// The build file that was asked for.
    pub build_file_path: Option<String>,
    /// Whether a version of it has served: from then on another remote is refused.
    pub bound: bool,
}

#[cfg(test)]
impl Project {
    /// One that has served.
    pub(crate) fn example() -> Self {
        Self {
            name: "app".into(),
            remote: "git@host:team/app.git".into(),
            branch: "main".into(),
            build_type: None,
            build_file_path: None,
            bound: true,
        }
    }
}

/// Someone who logged in, or a token that was handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub user: String,
    /// What it allows.
    pub level: Level,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Someone who may log in. Nothing prints it: it holds what passwords and codes are checked against.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name.
    pub name: String,
    /// The hash of the password, with its salt and cost.
    pub password: String,
    /// What they may do.
    pub level: Level,
    /// What a login needs beside the password.
    pub second_factor: Option<SecondFactor>,
    /// Since when.
    pub created_at: Timestamp,
}

/// What one-time codes of a user are checked against.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The secret that the user's device shares, sealed.
    pub secret: String,
    /// The step of the last code that was accepted: no code of it or before it is accepted again.
    pub last_step: u64,
    /// The hashes of the backup codes that are left.
    pub backup_codes: Vec<String>,
}

/// A variable of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; sealed if it is encrypted.
    pub value: String,
    /// Whether the value is encrypted.
    pub encrypted: bool,
}

/// How a deploy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It has not ended.
    Running,
    /// The new version serves.
    Succeeded,
    /// It failed; what served before still does.
    Failed,
    /// The daemon was stopped in the middle of it.
    Interrupted,
}

/// The container that serves a version, and what it takes to make it anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The engine's id of the container.
    pub container: String,
    /// The container's name.
    pub name: String,
    /// The image it runs.
    pub image: String,
    /// Its address on the daemon's network.
    pub address: Ipv4Addr,
    /// The port it listens on there.
    pub container_port: u16,
    /// The public port.
    pub port: u16,
    /// When it counts as healthy.
    pub health: Health,
    /// How many MiB of memory it may use, if that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// What else it takes if it is a service of a compose project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose: Option<Composed>,
}

/// A compose project around the service that serves. Its files are kept with the version, see `DataDir::version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composed {
    /// The compose file, relative to the repository.
    pub file: String,
    /// The service that serves.
    pub service: String,
    /// The services that the engine starts again after a crash.
    pub kept: Vec<String>,
    /// The volumes, by the engine's names.
    pub volumes: Vec<String>,
}

/// That a version used up its memory while it served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryUsedUp {
    /// The deploy that brought the version.
    pub deploy: String,
    /// The container that did so last.
    pub container: String,
    /// How many MiB it may use, if the project says so.
    pub memory_mib: Option<u64>,
    /// How often it did so.
    pub times: u64,
    /// When it did so last.
    pub last_at: Timestamp,
    /// When somebody was told last.
    pub told_at: Timestamp,
}

/// One deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploy {
    /// Its id; ids sort by time.
    pub id: String,
    /// The project's name.
    pub project: String,
    /// The branch.
    pub branch: String,
    /// The full hash of the commit, once it is known.
    pub commit_hash: Option<String>,
    /// The commit's message.
    pub commit_message: Option<String>,
    /// How it was built, once that is known.
    pub build_type: Option<BuildType>,
    /// How it ended.
    pub outcome: Outcome,
    /// The stage that failed.
    pub stage: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What serves it, if it succeeded.
    pub serving: Option<Serving>,
    /// The deploy that built what it runs, if that is another one: a rollback builds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_by: Option<String>,
}

impl Deploy {
    /// The deploy that built what it runs: images and kept files carry its id.
    #[must_use]
    pub fn build(&self) -> &str {
        self.built_by.as_deref().unwrap_or(&self.id)
    }
}
