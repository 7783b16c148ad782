//! The start of the daemon: what the store acknowledged serves, and nothing else is left of deploys that were killed.

use super::{Context, retire, start, switch};
use crate::edge::Routes;
use crate::engine::{Container, Role};
use crate::error::Result;
use crate::store::{Deploy, Outcome, Serving};

/// Reconciles; says whether the machine is what the store says.
pub(super) async fn succeeds(context: &Context) -> bool {
    match reconcile(context).await {
        Ok(()) => true,
        Err(failure) => {
            tracing::warn!(%failure, "the machine is not yet what the store says; trying again");
            false
        }
    }
}

async fn reconcile(context: &Context) -> Result<()> {
    let interrupted: Vec<Deploy> =
        context.store.deploys()?.into_iter().filter(|deploy| deploy.outcome == Outcome::Running).collect();
    let mut serving = context.store.serving()?;
    let containers = context.engine.containers(Role::App).await?;
    let kept = serving.as_ref().and_then(|deploy| deploy.serving.as_ref()).map(|serving| serving.container.clone());
    // the first deploy shall not have to wait for it
    context.keeper.ensure(&context.engine, &context.edge).await?;
    // the acknowledged version first: the others may still be what the edge leads to
    let routes = match &mut serving {
        Some(deploy) => serve(context, deploy, &containers).await?,
        None => Routes::default(),
    };
    context.edge.apply(routes).await?;
    for left in containers.iter().filter(|container| Some(&container.id) != kept.as_ref()) {
        tracing::info!(name = left.name, "removing the container of a deploy that was not acknowledged");
        context.engine.stop_and_remove(&left.id).await?;
    }
    for deploy in &interrupted {
        context.engine.remove_image(&retire::reference(&deploy.project, &deploy.id)).await?;
    }
    context.store.interrupt_deploys()?;
    Ok(())
}

/// Makes the acknowledged version run; answers the routes to it.
async fn serve(context: &Context, deploy: &mut Deploy, containers: &[Container]) -> Result<Routes> {
    let Some(mut serving) = deploy.serving.clone() else { return Ok(Routes::default()) };
    match containers.iter().find(|container| container.id == serving.container) {
        Some(container) if container.running => {}
        Some(container) => context.engine.start(&container.id).await?,
        None if context.engine.image(&serving.image).await?.is_none() => {
            let (name, image) = (&serving.name, &serving.image);
            tracing::error!(name, image, "the container that served and its image are gone: deploy it again");
            return Ok(Routes::default());
        }
        None => {
            revive(context, deploy, &mut serving).await?;
            deploy.serving = Some(serving.clone());
            context.store.set_deploy(deploy)?;
        }
    }
    Ok(switch::routes(&serving))
}

/// Makes the container of the acknowledged version anew, which someone removed.
async fn revive(context: &Context, deploy: &Deploy, serving: &mut Serving) -> Result<()> {
    tracing::warn!(name = serving.name, "its container is gone; it is made anew");
    serving.address = context.engine.free_address().await?;
    serving.container = start::create(context, deploy, serving, true).await?;
    context.engine.start(&serving.container).await
}
