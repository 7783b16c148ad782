//! Volumes with a name: what outlives containers and is shared between them.

use std::collections::HashMap;

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};

use super::Engine;
use super::connect::status;
use crate::error::Result;

/// A volume with a name, at a place in a container.
#[derive(Debug, Clone)]
pub(crate) struct SharedVolume {
    pub name: String,
    pub target: String,
    pub read_only: bool,
}

impl Engine {
    /// Makes an empty volume; one of this name that is there is kept as it is.
    pub(crate) async fn create_volume(&self, name: &str, labels: HashMap<String, String>) -> Result<()> {
        let wanted = VolumeCreateRequest { name: Some(name.to_owned()), labels: Some(labels), ..Default::default() };
        let created = self.docker.create_volume(wanted).await;
        created.map(|_| ()).map_err(|error| self.error(format!("create volume {name}"), error))
    }

    /// Whether there is a volume of this name.
    pub(crate) async fn has_volume(&self, name: &str) -> Result<bool> {
        match self.docker.inspect_volume(name).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(self.error(format!("look for volume {name}"), error)),
        }
    }

    /// The names of the volumes with this label (`key` or `key=value`).
    pub async fn volumes(&self, label: &str) -> Result<Vec<String>> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let list = self.docker.list_volumes(Some(options)).await.map_err(|error| self.error("list volumes", error))?;
        Ok(list.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect())
    }

    /// Removes a volume that no container has; one that is gone already is fine.
    pub async fn remove_volume(&self, name: &str) -> Result<()> {
        match self.docker.remove_volume(name, None::<RemoveVolumeOptions>).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(self.error(format!("remove volume {name}"), error)),
        }
    }
}
