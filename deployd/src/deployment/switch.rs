//! Giving the public port to the new version: the one moment at which what serves changes.

use jiff::Timestamp;

use super::{Context, Progress, health};
use crate::edge::Routes;
use crate::error::Result;
use crate::store::{Deploy, Outcome, Project, Serving};

/// Switches, then acknowledges it in the store; answers the deploy that served until now. A kill between the two is
/// undone at the next start: the store has the last word.
pub(super) async fn switch(
    context: &Context,
    project: &mut Project,
    deploy: &mut Deploy,
    port: u16,
    progress: &Progress,
) -> Result<Option<Deploy>> {
    let old = context.store.serving()?;
    let Some(serving) = deploy.serving.clone() else { return Ok(old) };
    // the services of a compose project have the restart policies that their file gives them
    if serving.compose.is_none() {
        context.engine.keep_running(&serving.container).await?;
    }
    context.edge.apply(routes(&serving)).await?;
    progress.step(format!("port {port} leads to {}", serving.name));
    project.bound = true;
    deploy.outcome = Outcome::Succeeded;
    deploy.finished_at = Some(Timestamp::now());
    if let Err(failure) = context.store.set_serving(deploy, project) {
        // not acknowledged, so it must not serve
        let before = old.as_ref().and_then(|old| old.serving.as_ref()).map(routes).unwrap_or_default();
        context.edge.apply(before).await?;
        return Err(failure);
    }
    Ok(old)
}

/// The routes while a version serves.
pub(super) fn routes(serving: &Serving) -> Routes {
    Routes::one(serving.port, health::address(serving))
}
