//! What the daemon says about the project.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{Deployer, health};
use crate::engine::Role;
use crate::error::Result;
use crate::git::without_password;
use crate::settings::VERSION;
use crate::store::{Deploy, MemoryUsedUp, Outcome};

/// How long the application may take to say how it is.
const ANSWER: Duration = Duration::from_secs(2);

/// What the daemon says about the project.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The project's name.
    pub project: String,
    /// The address of its repository.
    pub remote: String,
    /// The branch that serves.
    pub branch: String,
    /// The commit that serves.
    pub commit_hash: String,
    /// Its message.
    pub commit_message: String,
    /// How it was built.
    pub build_type: String,
    /// The names of the project's containers that run.
    pub containers: Vec<String>,
    /// Whether a deploy runs.
    pub build_active: bool,
    /// The public port.
    pub port: Option<u16>,
    /// The daemon's version.
    pub version: &'static str,
    /// A newer version of the daemon, if one is known.
    pub new_version_available: Option<String>,
    /// How the version that serves is, if there is one.
    pub health: Option<HealthReport>,
    /// That the version which serves used up its memory, if it did.
    pub out_of_memory: Option<OutOfMemoryReport>,
    /// The deploy that began last.
    pub last_deploy: Option<LastDeploy>,
    /// Why the engine does not answer, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_error: Option<String>,
}

/// How the version that serves is.
#[derive(Debug, Serialize)]
pub struct HealthReport {
    /// Whether it answers as `project.toml` says.
    pub ok: bool,
    /// What it answered.
    pub http_status: Option<u16>,
    /// What is wrong.
    pub error: Option<String>,
}

/// That the version which serves used up its memory.
#[derive(Debug, Serialize)]
pub struct OutOfMemoryReport {
    /// The container that did so last.
    pub container: String,
    /// How many MiB it may use, if `project.toml` says so.
    pub memory_mib: Option<u64>,
    /// How often it did so.
    pub times: u64,
    /// When it did so last.
    pub last_at: Timestamp,
}

impl From<MemoryUsedUp> for OutOfMemoryReport {
    fn from(used_up: MemoryUsedUp) -> Self {
        let MemoryUsedUp { container, memory_mib, times, last_at, .. } = used_up;
        Self { container, memory_mib, times, last_at }
    }
}

/// The deploy that began last.
#[derive(Debug, Serialize)]
pub struct LastDeploy {
    /// Its id.
    pub id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The stage that failed.
    pub stage: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// The branch.
    pub branch: String,
    /// The commit, if it was fetched.
    pub commit_hash: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl From<Deploy> for LastDeploy {
    fn from(deploy: Deploy) -> Self {
        let Deploy { id, outcome, stage, error, branch, commit_hash, started_at, finished_at, .. } = deploy;
        Self { id, outcome, stage, error, branch, commit_hash, started_at, finished_at }
    }
}

impl Deployer {
    /// What there is to say now. An engine that does not answer is part of it.
    pub async fn status(&self) -> Result<Status> {
        let store = &self.context().store;
        let (project, serving) = (store.project()?, store.serving()?);
        let (containers, engine_error) = match self.context().engine.containers(Role::App).await {
            Ok(found) => (found, None),
            Err(failure) => (Vec::new(), Some(failure.to_string())),
        };
        let running = containers.into_iter().filter(|container| container.running).map(|container| container.name);
        let health = match serving.as_ref().and_then(|deploy| deploy.serving.as_ref()) {
            Some(serving) => Some(match health::ask(serving, ANSWER).await {
                Ok(status) => HealthReport { ok: true, http_status: Some(status), error: None },
                Err((http_status, error)) => HealthReport { ok: false, http_status, error: Some(error) },
            }),
            None => None,
        };
        let is_of = |used_up: &MemoryUsedUp| serving.as_ref().is_some_and(|deploy| deploy.id == used_up.deploy);
        let out_of_memory = store.memory_used_up()?.filter(is_of).map(OutOfMemoryReport::from);
        let known_branch = project.as_ref().map(|project| project.branch.clone()).unwrap_or_default();
        let text = |field: fn(&Deploy) -> Option<String>| serving.as_ref().and_then(field).unwrap_or_default();
        Ok(Status {
            branch: serving.as_ref().map_or(known_branch, |deploy| deploy.branch.clone()),
            commit_hash: text(|deploy| deploy.commit_hash.clone()),
            commit_message: text(|deploy| deploy.commit_message.clone()),
            build_type: text(|deploy| deploy.build_type.map(|kind| kind.to_string())),
            port: serving.as_ref().and_then(|deploy| deploy.serving.as_ref()).map(|serving| serving.port),
            project: project.as_ref().map(|project| project.name.clone()).unwrap_or_default(),
            remote: project.map(|project| without_password(&project.remote)).unwrap_or_default(),
            containers: running.collect(),
            build_active: self.is_active(),
            version: VERSION,
            new_version_available: None,
            health,
            out_of_memory,
            last_deploy: store.last_deploy()?.map(LastDeploy::from),
            engine_error,
        })
    }
}
