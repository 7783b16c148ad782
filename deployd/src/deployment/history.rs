//! The deploys of the project, as people look back at them.

use jiff::Timestamp;
use serde::Serialize;

use super::Deployer;
use crate::error::Result;
use crate::store::{Deploy, Outcome};

/// A deploy of the past.
#[derive(Debug, Serialize)]
pub struct PastDeploy {
    /// Its id.
    pub id: String,
    /// Whether it is the one that serves.
    pub serving: bool,
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
    /// The commit's message.
    pub commit_message: Option<String>,
    /// How it was built.
    pub build_type: Option<String>,
    /// The deploy that it returned to, if it was a rollback: the one that built what it runs.
    pub rollback_to: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl PastDeploy {
    fn of(deploy: Deploy, serving: Option<&str>) -> Self {
        Self {
            serving: serving == Some(deploy.id.as_str()),
            id: deploy.id,
            outcome: deploy.outcome,
            stage: deploy.stage,
            error: deploy.error,
            branch: deploy.branch,
            commit_hash: deploy.commit_hash,
            commit_message: deploy.commit_message,
            build_type: deploy.build_type.map(|kind| kind.to_string()),
            rollback_to: deploy.built_by,
            started_at: deploy.started_at,
            finished_at: deploy.finished_at,
        }
    }
}

impl Deployer {
    /// Every remembered deploy, the newest first.
    pub fn history(&self) -> Result<Vec<PastDeploy>> {
        let store = &self.context().store;
        let serving = store.serving()?.map(|deploy| deploy.id);
        Ok(store.deploys()?.into_iter().rev().map(|deploy| PastDeploy::of(deploy, serving.as_deref())).collect())
    }
}
