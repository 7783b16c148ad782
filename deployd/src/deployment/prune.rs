//! Making room: what deploys left and nothing needs any more goes.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Deployer, compose, retire};
use crate::engine::Role;
use crate::error::Result;
use crate::files;
use crate::store::Deploy;

/// What was removed, by name.
#[derive(Debug, Default, Serialize)]
pub struct Pruned {
    /// Containers.
    pub containers: Vec<String>,
    /// References of images.
    pub images: Vec<String>,
    /// Volumes.
    pub volumes: Vec<String>,
}

impl Deployer {
    /// Removes containers of ours that have ended, and images, volumes and files that neither the version that serves
    /// needs nor the one that a rollback returns to. It waits for the end of a deploy.
    pub async fn prune(&self) -> Result<Pruned> {
        self.alone(self.remove_unneeded()).await
    }

    async fn remove_unneeded(&self) -> Result<Pruned> {
        let needed = retire::needed(self.context())?;
        Ok(Pruned {
            containers: self.prune_containers(&needed).await?,
            images: self.prune_images(&needed).await?,
            volumes: self.prune_volumes(&needed).await?,
        })
    }

    async fn prune_containers(&self, needed: &[Deploy]) -> Result<Vec<String>> {
        let context = self.context();
        let serves = needed.first().filter(|deploy| deploy.serving.is_some());
        let mut removed = Vec::new();
        for container in context.engine.containers(Role::App).await? {
            let service = container.service.is_some() && serves.is_some_and(compose::is_composed);
            let serving = serves.is_some_and(|deploy| container.deploy.as_ref() == Some(&deploy.id));
            if container.stopped && !service && !serving {
                context.engine.remove(&container.id).await?;
                removed.push(container.name);
            }
        }
        Ok(removed)
    }

    async fn prune_images(&self, needed: &[Deploy]) -> Result<Vec<String>> {
        let context = self.context();
        let needed: BTreeSet<&str> = needed.iter().map(Deploy::build).collect();
        let mut removed = Vec::new();
        for reference in context.engine.references(retire::REPOSITORY).await? {
            let tag = reference.rsplit_once(':').map_or("", |(_, tag)| tag);
            if needed.iter().any(|build| tag.starts_with(build)) {
                continue;
            }
            match context.engine.remove_image(&reference).await {
                Ok(()) => removed.push(reference),
                // someone made a container of it
                Err(failure) => tracing::warn!(%failure, "an image stays"),
            }
        }
        self.prune_files(&needed)?;
        Ok(removed)
    }

    fn prune_files(&self, needed: &BTreeSet<&str>) -> Result<()> {
        let Ok(entries) = std::fs::read_dir(self.context().data.versions()) else { return Ok(()) };
        for entry in entries.flatten() {
            if !needed.contains(entry.file_name().to_string_lossy().as_ref()) {
                files::remove_dir(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Volumes hold data: while nothing serves, nobody can say which are needed, and all of them stay.
    async fn prune_volumes(&self, needed: &[Deploy]) -> Result<Vec<String>> {
        let context = self.context();
        let composed = needed.iter().filter_map(|deploy| deploy.serving.as_ref()?.compose.as_ref());
        let kept: BTreeSet<&String> = composed.flat_map(|composed| &composed.volumes).collect();
        let mut removed = Vec::new();
        if needed.is_empty() {
            return Ok(removed);
        }
        for volume in context.engine.volumes().await? {
            if !kept.contains(&volume) {
                context.engine.remove_volume(&volume).await?;
                removed.push(volume);
            }
        }
        Ok(removed)
    }
}
