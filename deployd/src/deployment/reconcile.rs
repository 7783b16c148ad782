//! The start of the daemon: what the store acknowledged serves, and nothing else is left of deploys that were killed.

use std::time::Duration;

use super::{Context, retire, start, switch};
use crate::edge::Routes;
use crate::engine::{Container, Role};
use crate::error::{Failure, Kind, Result};
use crate::store::{Deploy, Outcome, Serving};
use crate::wait::{self, Seen};

/// How long the engine is waited for: after a reboot it may come later than the daemon.
const ENGINE: Duration = Duration::from_secs(120);

/// Reconciles; tries again while the engine does not answer.
pub(super) async fn until_done(context: &Context) {
    let done = wait::until(ENGINE, Duration::from_secs(1), || async {
        match reconcile(context).await {
            Ok(()) => Seen::Ready(()),
            Err(failure) => {
                tracing::warn!(%failure, "the machine is not yet what the store says");
                Seen::NotYet(failure.to_string())
            }
        }
    });
    if let Err(seen) = done.await {
        tracing::error!(seen, "the machine could not be brought to what the store says");
    }
}

async fn reconcile(context: &Context) -> Result<()> {
    let interrupted: Vec<Deploy> =
        context.store.deploys()?.into_iter().filter(|deploy| deploy.outcome == Outcome::Running).collect();
    let mut serving = context.store.serving()?;
    let containers = context.engine.containers(Role::App).await?;
    let kept = serving.as_ref().and_then(|deploy| deploy.serving.as_ref()).map(|serving| serving.container.clone());
    // the acknowledged version first: the others may still be what the edge leads to
    if let Some(deploy) = &mut serving {
        serve(context, deploy, &containers).await?;
    } else if !containers.is_empty() {
        context.keeper.ensure(&context.engine, &context.edge).await?;
        context.edge.apply(Routes::default()).await?;
    }
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

async fn serve(context: &Context, deploy: &mut Deploy, containers: &[Container]) -> Result<()> {
    let Some(mut serving) = deploy.serving.clone() else { return Ok(()) };
    match containers.iter().find(|container| container.id == serving.container) {
        Some(container) if container.running => {}
        Some(container) => context.engine.start(&container.id).await?,
        None => {
            revive(context, deploy, &mut serving).await?;
            deploy.serving = Some(serving.clone());
            context.store.set_deploy(deploy)?;
        }
    }
    context.keeper.ensure(&context.engine, &context.edge).await?;
    context.edge.apply(switch::routes(&serving)).await
}

/// Makes the container of the acknowledged version anew, which someone removed.
async fn revive(context: &Context, deploy: &Deploy, serving: &mut Serving) -> Result<()> {
    if context.engine.image(&serving.image).await?.is_none() {
        let failure = Failure::new(Kind::Engine, format!("serve {} again", deploy.project));
        let saw = format!("its container and its image {} are gone", serving.image);
        return Err(failure.saw(saw).hint("deploy it again"));
    }
    tracing::warn!(name = serving.name, "its container is gone; it is made anew");
    serving.address = context.engine.free_address().await?;
    serving.container = start::create(context, deploy, serving, true).await?;
    context.engine.start(&serving.container).await
}
