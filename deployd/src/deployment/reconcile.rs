//! Bringing the machine to what the store says: the acknowledged version serves, and at the start of the daemon nothing
//! else is left of deploys that were killed.

use super::{Context, compose, retire, start, switch};
use crate::edge::Routes;
use crate::engine::{Container, Role};
use crate::error::Result;
use crate::store::{Deploy, Outcome, Serving};

/// Brings the machine to what the store says; says whether it is.
pub(super) async fn succeeds(context: &Context, at_start: bool) -> bool {
    let done = async {
        heal(context).await?;
        if at_start { clean_up(context).await } else { Ok(()) }
    };
    match done.await {
        Ok(()) => true,
        Err(failure) => {
            tracing::warn!(%failure, "the machine is not yet what the store says; trying again");
            false
        }
    }
}

/// Starts what should run and does not: someone may have stopped or removed it.
async fn heal(context: &Context) -> Result<()> {
    // also without a version: the first deploy shall not have to wait for it
    context.keeper.ensure(&context.engine, &context.edge).await?;
    compose::undo(context).await?;
    let routes = match context.store.serving()? {
        Some(mut deploy) => serve(context, &mut deploy, &context.engine.containers(Role::App).await?).await?,
        None => Routes::default(),
    };
    context.edge.apply(routes).await
}

/// Removes what deploys left that were killed before they were acknowledged.
async fn clean_up(context: &Context) -> Result<()> {
    let serving = context.store.serving()?.and_then(|deploy| deploy.serving);
    let composed = serving.as_ref().is_some_and(|serving| serving.compose.is_some());
    for left in context.engine.containers(Role::App).await? {
        let serves = serving.as_ref().is_some_and(|serving| left.id == serving.container);
        if !(serves || composed && left.service.is_some()) {
            tracing::info!(name = left.name, "removing the container of a deploy that was not acknowledged");
            context.engine.stop_and_remove(&left.id).await?;
        }
    }
    for left in context.engine.containers(Role::Build).await? {
        tracing::info!(name = left.name, "removing the container of a build that was killed");
        context.engine.remove(&left.id).await?;
    }
    for deploy in context.store.deploys()?.iter().filter(|deploy| deploy.outcome == Outcome::Running) {
        retire::remove_build(context, deploy).await?;
    }
    context.store.interrupt_deploys()?;
    Ok(())
}

/// Makes the acknowledged version run; answers the routes to it.
async fn serve(context: &Context, deploy: &mut Deploy, containers: &[Container]) -> Result<Routes> {
    let Some(mut serving) = deploy.serving.clone() else { return Ok(Routes::default()) };
    if let Some(composed) = &serving.compose {
        compose::heal(context, deploy, composed).await?;
        let now = context.store.serving()?.and_then(|deploy| deploy.serving);
        return Ok(switch::routes(&now.unwrap_or(serving)));
    }
    match containers.iter().find(|container| container.id == serving.container) {
        Some(container) if container.stopped => {
            tracing::warn!(name = container.name, "the version that serves has been stopped; starting it");
            context.engine.start(&container.id).await?;
        }
        Some(_) => {}
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
    serving.address = context.new_address().await?;
    serving.container = start::create(context, deploy, serving, true).await?;
    context.engine.start(&serving.container).await
}
