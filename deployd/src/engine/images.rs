//! Images of ours.

use std::collections::HashMap;

use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder};

use super::Engine;
use super::connect::{failed, is_missing};
use crate::error::Result;

/// What an image says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The engine's id.
    pub id: String,
    /// The TCP ports of its EXPOSE lines, the lowest first: the engine does not keep their order.
    pub exposed: Vec<u16>,
}

impl Engine {
    /// What an image says about itself; nothing if there is none.
    pub async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let inspected = match self.docker().await?.inspect_image(reference).await {
            Err(error) if is_missing(&error) => return Ok(None),
            inspected => inspected.map_err(failed(format!("look at the image {reference}")))?,
        };
        let ports = inspected.config.and_then(|config| config.exposed_ports).unwrap_or_default();
        Ok(Some(Image { id: inspected.id.unwrap_or_default(), exposed: tcp_ports(&ports) }))
    }

    /// The references of images that begin with a repository's name, such as `deployd/`.
    pub async fn references(&self, prefix: &str) -> Result<Vec<String>> {
        let filters = HashMap::from([("reference", vec![format!("{prefix}*")])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let listed = self.docker().await?.list_images(Some(options)).await.map_err(failed("list the images"))?;
        let references = listed.into_iter().flat_map(|image| image.repo_tags);
        Ok(references.filter(|reference| reference.starts_with(prefix)).collect())
    }

    /// Gives an image a further reference.
    pub async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<()> {
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        let tagged = self.docker().await?.tag_image(image, Some(options)).await;
        tagged.map_err(failed(format!("name the image {repository}:{tag}")))
    }

    /// Removes a reference, and the layers that nothing else needs; one that is gone is fine.
    pub async fn remove_image(&self, reference: &str) -> Result<()> {
        match self.docker().await?.remove_image(reference, None::<RemoveImageOptions>, None).await {
            Err(error) if is_missing(&error) => Ok(()),
            removed => removed.map(|_| ()).map_err(failed(format!("remove the image {reference}"))),
        }
    }
}

fn tcp_ports(exposed: &[String]) -> Vec<u16> {
    let port = |text: &String| {
        let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        (protocol == "tcp").then(|| port.parse().ok()).flatten()
    };
    let mut ports: Vec<u16> = exposed.iter().filter_map(port).collect();
    ports.sort_unstable();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tcp_ports_count() {
        let exposed = ["9000/tcp", "53/udp", "8080", "x/tcp"].map(str::to_owned);
        assert_eq!(tcp_ports(&exposed), [8080, 9000]);
    }
}
