//! Taking the project down.

use super::Deployer;
use crate::edge::Routes;
use crate::engine::Role;
use crate::error::{Failure, Kind, Result};

impl Deployer {
    /// Ends a deploy that runs, closes the public port and removes the project's containers; answers their names. What
    /// the application keeps in /persist stays.
    pub async fn down(&self) -> Result<Vec<String>> {
        self.cancel("the project was taken down");
        self.alone(self.take_down()).await
    }

    async fn take_down(&self) -> Result<Vec<String>> {
        let context = self.context();
        let containers = context.engine.containers(Role::App).await?;
        if containers.is_empty() && context.store.serving()?.is_none() {
            let failure = Failure::new(Kind::Refused, "take the project down");
            return Err(failure.saw("nothing is running").hint("POST /up deploys it"));
        }
        // first what is remembered: a kill from here on must not bring it back
        context.store.clear_serving()?;
        context.keeper.ensure(&context.engine, &context.edge).await?;
        context.edge.apply(Routes::default()).await?;
        let mut names = Vec::new();
        for container in containers {
            context.engine.stop_and_remove(&container.id).await?;
            names.push(container.name);
        }
        Ok(names)
    }
}
