//! Forgetting the project: what it ran, built and kept. People and the webhook secret stay.

use super::{Deployer, retire};
use crate::edge::Routes;
use crate::engine::Role;
use crate::error::Result;
use crate::files;

impl Deployer {
    /// Ends what runs and removes everything of the project: containers, images, volumes, networks, work tree, /persist,
    /// variables, history. After it another repository may be deployed.
    pub async fn reset(&self) -> Result<()> {
        self.cancel("the project was reset");
        self.alone(self.forget()).await
    }

    async fn forget(&self) -> Result<()> {
        let context = self.context();
        // first what is remembered: a kill from here on must not bring anything back
        context.store.forget_project()?;
        context.keeper.ensure(&context.engine, &context.edge).await?;
        context.edge.apply(Routes::default()).await?;
        for container in context.engine.containers(Role::App).await? {
            context.engine.stop_and_remove(&container.id).await?;
        }
        for reference in context.engine.references(retire::REPOSITORY).await? {
            context.engine.remove_image(&reference).await?;
        }
        let (volumes, caches) = (context.engine.volumes().await?, context.engine.caches().await?);
        for volume in volumes.into_iter().chain(caches) {
            context.engine.remove_volume(&volume).await?;
        }
        context.engine.remove_compose_networks().await?;
        for dir in [context.data.source(), context.data.versions(), context.data.persist()] {
            files::remove_dir(&dir)?;
        }
        Ok(())
    }
}
