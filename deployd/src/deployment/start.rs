//! Starting a version in a container of its own.

use super::ports::Ports;
use super::{Context, Progress};
use crate::builders::SOURCE_VERSION;
use crate::engine::{ContainerSpec, Network, Role};
use crate::error::{Failure, Kind, Result};
use crate::project_file::Health;
use crate::store::{Deploy, Serving};
use crate::{files, text};

/// Starts a new version at an address of its own. It does not come back after a crash yet: a version that crashes on
/// its start shall be seen to have ended.
pub(super) async fn start(
    context: &Context,
    deploy: &Deploy,
    image: &str,
    ports: Ports,
    health: Health,
    progress: &Progress,
) -> Result<Serving> {
    let mut serving = Serving {
        container: String::new(),
        name: format!("deployd-{}-{}", text::slug(&deploy.project), &deploy.id[16..]),
        image: image.to_owned(),
        address: context.engine.free_address().await?,
        container_port: ports.container,
        port: ports.public,
        health,
    };
    progress.step(format!("starting {} at {}", serving.name, serving.address));
    serving.container = create(context, deploy, &serving, false).await?;
    let started = context.engine.start(&serving.container).await;
    // the engine reports a command that does not exist here: the version's mistake, not the engine's
    started.map_err(|failure| Failure::new(Kind::Start, "start the new version").saw(failure))?;
    Ok(serving)
}

/// Makes the container of a version.
pub(super) async fn create(context: &Context, deploy: &Deploy, serving: &Serving, restart: bool) -> Result<String> {
    let persist = context.data.persist();
    if !persist.exists() {
        files::private_dir(&persist)?;
        files::open_to_all(&persist)?;
    }
    let commit = deploy.commit_hash.clone().unwrap_or_default();
    // the owner's variables come last: they may say PORT otherwise
    let mut env = vec![(SOURCE_VERSION.into(), commit.clone()), ("PORT".into(), serving.container_port.to_string())];
    env.extend(context.environment.values()?);
    let spec = ContainerSpec {
        name: serving.name.clone(),
        image: serving.image.clone(),
        role: Role::App,
        labels: vec![
            ("project", deploy.project.clone()),
            ("branch", deploy.branch.clone()),
            ("commit", commit),
            ("deploy", deploy.id.clone()),
        ],
        env,
        command: None,
        binds: vec![format!("{}:/persist:z", persist.display())],
        network: Network::At(serving.address),
        restart,
        locked_down: false,
    };
    context.engine.create(spec).await
}
