//! Volumes of ours.

use std::collections::HashMap;

use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};

use super::Engine;
use super::connect::{failed, is_missing};
use super::spec::{ROLE, Role};
use crate::error::Result;

impl Engine {
    /// The names of the volumes that compose projects of ours made.
    pub async fn volumes(&self) -> Result<Vec<String>> {
        self.volumes_of("volume").await
    }

    /// The names of the volumes that builds keep their caches in.
    pub async fn caches(&self) -> Result<Vec<String>> {
        self.volumes_of(Role::Cache.word()).await
    }

    async fn volumes_of(&self, role: &str) -> Result<Vec<String>> {
        let filters = HashMap::from([("label", vec![format!("{ROLE}={role}")])]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let listed = self.docker().await?.list_volumes(Some(options)).await.map_err(failed("list the volumes"))?;
        Ok(listed.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect())
    }

    /// Removes a volume with what is in it; one that is gone is fine.
    pub async fn remove_volume(&self, name: &str) -> Result<()> {
        match self.docker().await?.remove_volume(name, None::<RemoveVolumeOptions>).await {
            Err(error) if is_missing(&error) => Ok(()),
            removed => removed.map_err(failed(format!("remove the volume {name}"))),
        }
    }
}
