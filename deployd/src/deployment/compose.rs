//! Compose projects are updated in place: their volumes cannot be used by two versions at once.

use super::{Context, Progress, health, start, switch};
use crate::compose::{ComposeProject, Serves};
use crate::edge::Routes;
use crate::engine::{Container, Role};
use crate::error::{Failure, Kind, Result};
use crate::store::{Composed, Deploy, Serving};
use crate::text;

/// Replaces what serves by a version that has been built. From the note in the store on, a failure or a kill is undone
/// by `undo`.
pub(super) async fn replace(
    context: &Context,
    deploy: &Deploy,
    serving: Serving,
    progress: &Progress,
) -> Result<Serving> {
    let old = context.store.serving()?.and_then(|old| old.serving).filter(|old| old.compose.is_some());
    context.store.begin_replacing(&deploy.id)?;
    if let Some(old) = old {
        progress.step(format!("requests to port {} wait while the services are replaced", old.port));
        context.keeper.ensure(&context.engine, &context.edge).await?;
        context.edge.apply(Routes::hold(old.port)).await?;
        // those that have begun get their answer first
        context.edge.drain().await?;
    }
    progress.step("starting the services");
    bring_up(context, deploy, serving, &|line| progress.output(line)).await
}

/// Brings a version's services up and gives the one that serves its address.
async fn bring_up(
    context: &Context,
    deploy: &Deploy,
    mut serving: Serving,
    on_line: &(dyn Fn(&str) + Send + Sync),
) -> Result<Serving> {
    let Some(Composed { file, service, .. }) = &serving.compose else { return Ok(serving) };
    // one that never ran has nothing to lose, and would be in the way of the tool after a kill
    for container in services(context).await?.iter().filter(|container| container.created) {
        context.engine.remove(&container.id).await?;
    }
    let (environment, bind, labels) = (context.environment.values()?, start::persist(context)?, start::labels(deploy));
    let project = ComposeProject {
        engine: &context.engine,
        files: context.data.version(deploy.build()),
        file,
        project: &text::slug(&deploy.project),
        build: deploy.build(),
        commit: deploy.commit_hash.as_deref().unwrap_or_default(),
        environment: &environment,
        on_line,
    };
    project.up(&Serves { service, port: serving.container_port, labels: &labels, bind: &bind }).await?;
    let found = services(context).await?;
    let front =
        found.into_iter().find(|it| it.service.as_ref() == Some(service) && it.deploy.as_ref() == Some(&deploy.id));
    let front = front.ok_or_else(|| {
        Failure::new(Kind::Start, format!("start the service {service}"))
            .saw("the Compose tool made no container of it")
    })?;
    serving.address = if let Some(address) = front.address {
        address
    } else {
        let address = context.new_address().await?;
        context.engine.connect(&front.id, address).await?;
        address
    };
    (serving.container, serving.name) = (front.id, front.name);
    Ok(serving)
}

/// The containers of compose services.
pub(super) async fn services(context: &Context) -> Result<Vec<Container>> {
    let containers = context.engine.containers(Role::App).await?;
    Ok(containers.into_iter().filter(|container| container.service.is_some()).collect())
}

/// Brings back what served before a replacement that failed or was killed; without one there is nothing to do.
pub(super) async fn undo(context: &Context) -> Result<()> {
    let Some(deploy) = context.store.replacing()? else { return Ok(()) };
    tracing::warn!(deploy, "undoing the replacement of the services");
    match context.store.serving()? {
        Some(old) if is_composed(&old) => restore(context, old).await?,
        _ => {
            for container in services(context).await? {
                context.engine.stop_and_remove(&container.id).await?;
            }
        }
    }
    context.store.end_replacing()
}

/// Brings the acknowledged version's services up again, and the port to it.
pub(super) async fn restore(context: &Context, mut deploy: Deploy) -> Result<()> {
    let Some(serving) = deploy.serving.clone() else { return Ok(()) };
    let serving = bring_up(context, &deploy, serving, &|line| tracing::info!("{line}")).await?;
    deploy.serving = Some(serving.clone());
    context.store.set_deploy(&deploy)?;
    // whether it is healthy or not, it is what has been acknowledged
    if let Err(failure) = health::wait(context, &serving, &Progress::new().0).await {
        tracing::error!(%failure, "the version that served before is not healthy");
    }
    context.edge.apply(switch::routes(&serving)).await
}

/// Starts the services that should run and do not: someone may have stopped or removed them.
pub(super) async fn heal(context: &Context, deploy: &Deploy, composed: &Composed) -> Result<()> {
    let found = services(context).await?;
    let is_there = |service: &String| found.iter().any(|container| container.service.as_ref() == Some(service));
    if !composed.kept.iter().all(is_there) {
        tracing::warn!("a service of the project is gone; it is made anew");
        return restore(context, deploy.clone()).await;
    }
    let kept =
        |container: &Container| container.service.as_ref().is_some_and(|service| composed.kept.contains(service));
    for container in found.iter().filter(|container| container.stopped && kept(container)) {
        tracing::warn!(name = container.name, "a service of the project has been stopped; starting it");
        context.engine.start(&container.id).await?;
    }
    Ok(())
}

/// Whether a deploy is one of a compose project.
pub(super) fn is_composed(deploy: &Deploy) -> bool {
    deploy.serving.as_ref().is_some_and(|serving| serving.compose.is_some())
}
