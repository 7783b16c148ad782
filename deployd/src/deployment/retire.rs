//! What happens after a switch: old connections end, the old container goes, and with it images that nobody needs.

use super::Context;
use crate::engine::Role;
use crate::error::Result;
use crate::store::{Deploy, Outcome};
use crate::text;

/// The reference of the image that a deploy made.
pub(super) fn reference(project: &str, deploy: &str) -> String {
    format!("deployd/{}:{deploy}", text::slug(project))
}

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
    for container in context.engine.containers(Role::App).await? {
        if container.deploy.is_some() && container.deploy == old.map(|old| old.id.clone()) {
            context.engine.stop_and_remove(&container.id).await?;
        }
    }
    remove_images(context, new).await
}

/// Removes the images of all deploys but the newest two that served: the second one is what a rollback needs.
async fn remove_images(context: &Context, new: &Deploy) -> Result<()> {
    let served = context.store.deploys()?.into_iter().rev().filter(|deploy| deploy.outcome == Outcome::Succeeded);
    for deploy in served.filter(|deploy| deploy.id <= new.id).skip(2).take(5) {
        context.engine.remove_image(&reference(&deploy.project, &deploy.id)).await?;
    }
    Ok(())
}
