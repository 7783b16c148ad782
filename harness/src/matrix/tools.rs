//! The images of the tools around the VPSes, made while the systems' own are: several scenarios would all wait for the first
//! that needs one, each in the place of another.

use std::convert::Infallible;
use std::future::pending;

use super::run::Plan;
use crate::error::Result;
use crate::image::{Tool, tool_image};
use crate::testenv::TestEnv;

/// Makes them, for a run of every scenario; of a few, perhaps none is needed.
pub(super) async fn make(env: &TestEnv, plan: &Plan) -> Infallible {
    let scenarios = plan.binary.names().len();
    if plan.work.iter().any(|work| work.cases.len() == scenarios)
        && let Err(error) = make_all(env, plan).await
    {
        // the scenario that needs it will say it
        tracing::debug!("{error}");
    }
    pending().await
}

/// In the order in which scenarios ask for them.
async fn make_all(env: &TestEnv, plan: &Plan) -> Result<()> {
    let base = env.stock().await?.tools_base();
    let image = async |tool| tool_image(env.engine(), env.lease(), tool, base, env.progress()).await.map(|_| ());
    for tool in [Tool::GitHost, Tool::Sidecar] {
        image(tool).await?;
    }
    for tool in &plan.tools {
        tool.deployer.provide_builder(env).await?;
    }
    image(Tool::Browser).await
}
