//! Starting a version in a container of its own.

use super::{Context, Progress};
use crate::builders::SOURCE_VERSION;
use crate::engine::{ContainerSpec, Network, Role};
use crate::error::{Failure, Kind, Result};
use crate::store::{Deploy, Serving};
use crate::{files, text};

/// Starts a new version at an address of its own. It does not come back after a crash yet: a version that crashes on
/// its start shall be seen to have ended.
pub(super) async fn start(
    context: &Context,
    deploy: &Deploy,
    mut serving: Serving,
    progress: &Progress,
) -> Result<Serving> {
    serving.name = format!("deployd-{}-{}", text::slug(&deploy.project), &deploy.id[16..]);
    serving.address = context.new_address().await?;
    progress.step(format!("starting {} at {}", serving.name, serving.address));
    serving.container = create(context, deploy, &serving, false).await?;
    let started = context.engine.start(&serving.container).await;
    // the engine reports a command that does not exist here: the version's mistake, not the engine's
    started.map_err(|failure| Failure::new(Kind::Start, "start the new version").saw(failure))?;
    Ok(serving)
}

/// What the application keeps, as a bind mount; an engine that knows no `SELinux` ignores the z.
pub(super) fn persist(context: &Context) -> Result<String> {
    let persist = context.data.persist();
    if !persist.exists() {
        files::private_dir(&persist)?;
        files::open_to_all(&persist)?;
    }
    Ok(format!("{}:/persist:z", persist.display()))
}

/// What tells a version's container from others.
pub(super) fn labels(deploy: &Deploy) -> Vec<(&'static str, String)> {
    vec![
        ("project", deploy.project.clone()),
        ("branch", deploy.branch.clone()),
        ("commit", deploy.commit_hash.clone().unwrap_or_default()),
        ("deploy", deploy.id.clone()),
    ]
}

/// Makes the container of a version.
pub(super) async fn create(context: &Context, deploy: &Deploy, serving: &Serving, restart: bool) -> Result<String> {
    let persist = persist(context)?;
    let commit = deploy.commit_hash.clone().unwrap_or_default();
    // the owner's variables come last: they may say PORT otherwise
    let mut env = vec![(SOURCE_VERSION.into(), commit), ("PORT".into(), serving.container_port.to_string())];
    env.extend(context.environment.values()?);
    let spec = ContainerSpec {
        name: serving.name.clone(),
        image: serving.image.clone(),
        role: Role::App,
        labels: labels(deploy),
        env,
        command: None,
        binds: vec![persist],
        network: Network::At(serving.address),
        restart,
        memory_mib: serving.memory_mib,
        locked_down: false,
    };
    context.engine.create(spec).await
}
