//! Keeping the edge's container there.

use std::path::PathBuf;
use std::time::Duration;

use super::Edge;
use crate::engine::{ContainerSpec, Engine, Network, Role};
use crate::error::{Failure, Kind, Result};
use crate::wait::{self, Seen};

/// The name of the container.
const NAME: &str = "deployd-edge";
/// How long it may take to answer after its start.
const START: Duration = Duration::from_secs(20);

/// Keeps the edge's container there.
#[derive(Debug, Clone)]
pub struct Keeper {
    /// The directory that it shares with the daemon.
    pub dir: PathBuf,
    /// The image that it runs; without one, that of the daemon's own container.
    pub image: Option<String>,
}

impl Keeper {
    /// Starts the edge if there is none that speaks our version. One that does is left alone, whatever image it came
    /// from: an update of the daemon must not close the public ports.
    pub async fn ensure(&self, engine: &Engine, edge: &Edge) -> Result<()> {
        let Err(why) = edge.hello().await else { return Ok(()) };
        tracing::info!(why, "starting the edge");
        for old in engine.containers(Role::Edge).await? {
            engine.remove(&old.id).await?;
        }
        let id = engine.create(self.spec(engine).await?).await?;
        engine.start(&id).await?;
        let answered = wait::until(START, Duration::from_millis(20), || async {
            match edge.hello().await {
                Ok(()) => Seen::Ready(()),
                Err(seen) => Seen::NotYet(seen),
            }
        });
        answered.await.map_err(|seen| {
            let saw = format!("no answer after {} s: {seen}", START.as_secs());
            Failure::new(Kind::Switch, "start the edge").saw(saw).hint(format!("docker logs {NAME}"))
        })
    }

    async fn spec(&self, engine: &Engine) -> Result<ContainerSpec> {
        let dir = self.dir.display().to_string();
        Ok(ContainerSpec {
            name: NAME.into(),
            image: self.image(engine).await?,
            role: Role::Edge,
            labels: Vec::new(),
            env: Vec::new(),
            command: Some(vec!["edge".into(), "--dir".into(), dir.clone()]),
            binds: vec![format!("{dir}:{dir}:z")],
            network: Network::Host,
            restart: true,
            memory_mib: None,
            locked_down: true,
        })
    }

    async fn image(&self, engine: &Engine) -> Result<String> {
        if let Some(image) = &self.image {
            return Ok(image.clone());
        }
        let own = engine.containers(Role::Daemon).await?.into_iter().next().map(|daemon| daemon.image);
        own.ok_or_else(|| {
            Failure::new(Kind::Internal, "start the edge")
                .saw("there is no container of the daemon to take the image from")
                .hint("name the image with --image or DEPLOYD_IMAGE")
        })
    }
}
