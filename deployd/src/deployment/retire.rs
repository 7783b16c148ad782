//! What happens after a switch: old connections end, the old containers go, and with them builds that nobody needs.

use std::collections::BTreeSet;

use super::{Context, compose, rollback};
use crate::engine::Role;
use crate::error::Result;
use crate::store::{Deploy, Outcome};
use crate::{files, text};

/// Where the references of our images begin.
pub(super) const REPOSITORY: &str = "deployd/";

/// Retires the version before. The deploy has succeeded already: whoever asked for it need not wait.
pub(super) fn in_background(context: Context, new: Deploy, old: Option<Deploy>) {
    tokio::spawn(async move {
        if let Err(failure) = retire(&context, &new, old.as_ref()).await {
            tracing::warn!(%failure, "the version before could not be removed; the next start tries again");
        }
    });
}

async fn retire(context: &Context, new: &Deploy, old: Option<&Deploy>) -> Result<()> {
    context.edge.drain().await?;
    let replaced = old.is_some_and(compose::is_composed) && !compose::is_composed(new);
    for container in context.engine.containers(Role::App).await? {
        let was_old = container.deploy.is_some() && container.deploy == old.map(|old| old.id.clone());
        // a service that stayed as it was may carry the name of the old deploy, and is the new one's now
        let is_service = container.service.is_some();
        if (was_old && !is_service) || (replaced && is_service) {
            context.engine.stop_and_remove(&container.id).await?;
        }
    }
    remove_builds(context).await
}

/// The deploys whose builds are needed: the one that serves, and the one that a rollback returns to.
pub(super) fn needed(context: &Context) -> Result<Vec<Deploy>> {
    Ok(context.store.serving()?.into_iter().chain(rollback::target(&context.store)?).collect())
}

/// Removes the builds of deploys that have ended and are not needed.
async fn remove_builds(context: &Context) -> Result<()> {
    let needed = needed(context)?;
    let needed: BTreeSet<&str> = needed.iter().map(Deploy::build).collect();
    let deploys = context.store.deploys()?;
    let ended = deploys.iter().filter(|deploy| deploy.outcome != Outcome::Running && deploy.built_by.is_none());
    // older ones went when they were as many deploys away
    for deploy in ended.rev().filter(|deploy| !needed.contains(deploy.id.as_str())).take(5) {
        remove_build(context, deploy).await?;
    }
    Ok(())
}

/// Removes the images and the files that a deploy made.
pub(super) async fn remove_build(context: &Context, deploy: &Deploy) -> Result<()> {
    let prefix = format!("{REPOSITORY}{}:{}", text::slug(&deploy.project), deploy.id);
    for reference in context.engine.references(&prefix).await? {
        context.engine.remove_image(&reference).await?;
    }
    files::remove_dir(&context.data.version(&deploy.id))
}
