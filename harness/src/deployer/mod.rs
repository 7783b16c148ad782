//! The deploy tool under test, behind the one trait that scenarios and commands drive it through.

mod api;
mod bootstrap;
mod command;
mod deployd;
mod follow;
mod lines;
mod ready;
mod unsupported;

use std::collections::BTreeMap;
use std::future::Future;

use serde::{Deserialize, Serialize};

pub use api::Api;
pub use command::{Command, DEPLOYER_VARIABLE, Results};
pub use deployd::{Deployd, status};
pub use follow::Followed;
pub use unsupported::{Ability, UNSUPPORTED, Unsupported};

use crate::error::Result;
use crate::project::Project;
use crate::vps::Vps;

/// Receives each line that the deploy tool prints.
pub type OnLine<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A deploy tool: puts itself onto a VPS, deploys projects there, tells what it did.
pub trait Deployer: Send + Sync {
    /// What its bootstrap leaves in the hands of whoever ran it.
    type Access: Send + Sync;
    /// That it cannot do something: [`Infallible`](std::convert::Infallible) for a tool that can do everything, about which
    /// nothing is ever unsupported.
    type Lack: std::error::Error + Send + Sync + 'static;

    /// Its name in reports.
    fn name(&self) -> &str;

    /// Whether it can do something; if not, why.
    fn can(&self, what: Ability) -> Result<(), Self::Lack>;

    /// Puts the tool onto a VPS; safe to repeat. `git_hosts` are the lines of `known_hosts` that it shall trust.
    fn bootstrap(
        &self,
        vps: &Vps,
        git_hosts: &[String],
        on_line: OnLine<'_>,
    ) -> impl Future<Output = Result<Self::Access>> + Send;

    /// Deploys the head of a branch of a remote repository, of which the project's folder may be a checkout.
    fn deploy(
        &self,
        vps: &Vps,
        access: &Self::Access,
        project: &Project,
        source: &Source,
        on_line: OnLine<'_>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Returns to the version that served before.
    fn roll_back(
        &self,
        vps: &Vps,
        access: &Self::Access,
        on_line: OnLine<'_>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// What it says is deployed.
    fn status(&self, vps: &Vps, access: &Self::Access) -> impl Future<Output = Result<Status>> + Send;

    /// Takes the tool off the VPS again.
    fn uninstall(&self, vps: &Vps, on_line: OnLine<'_>) -> impl Future<Output = Result<()>> + Send;
}

/// What a bootstrap leaves in the hands of whoever ran it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Bootstrapped {
    /// The public key that the git host must let in.
    pub deploy_key: String,
    /// Where the git host sends its webhooks.
    pub webhook_url: String,
    /// What it signs them with.
    pub webhook_secret: String,
    /// Where the tool's interface is.
    pub api_url: String,
    /// What the interface wants to see.
    pub token: String,
    /// The version that was installed.
    pub version: String,
    /// The certificate that the interface shows, in PEM.
    pub certificate: String,
}

/// What is to be deployed.
#[derive(Debug, Clone)]
pub struct Source {
    /// The repository's address as the VPS reaches it.
    pub remote: String,
    /// The branch.
    pub branch: String,
}

/// What a deploy tool says is deployed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Status {
    /// The branch.
    #[serde(default)]
    pub branch: String,
    /// The full hash of the commit.
    #[serde(default)]
    pub commit_hash: String,
    /// The tool's version.
    #[serde(default)]
    pub version: String,
    /// Everything else that it says.
    #[serde(flatten)]
    pub rest: BTreeMap<String, serde_json::Value>,
}
