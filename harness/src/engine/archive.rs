//! Images as a file: what one machine has made, another need not make again.

use std::path::Path;

use bollard::query_parameters::ImportImageOptionsBuilder;
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::Engine;
use crate::error::{Error, Failure, Result};

impl Engine {
    /// Writes images, by their references, into `file`; a file of that name is replaced once the new one is whole.
    pub async fn save_images(&self, references: &[String], file: &Path) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::File(Failure::new(file.display().to_string(), "write the images into it").saw(error))
        };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (new, name) = tempfile::NamedTempFile::new_in(folder).map_err(failed)?.into_parts();
        let mut new = tokio::fs::File::from_std(new);
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let mut archive = self.docker.export_images(&references);
        while let Some(part) = archive.next().await {
            let part = part.map_err(|error| self.error("save images", error))?;
            new.write_all(&part).await.map_err(failed)?;
        }
        new.flush().await.map_err(failed)?;
        name.persist(file).map_err(|error| failed(error.error))
    }

    /// Takes the images of a file that [`save_images`](Self::save_images) wrote; answers what the engine said of each.
    pub async fn load_images(&self, file: &Path) -> Result<Vec<String>> {
        let failure = || Failure::new(file.display().to_string(), "load the images in it");
        let archive = tokio::fs::File::open(file).await.map_err(|error| Error::File(failure().saw(error)))?;
        let options = ImportImageOptionsBuilder::default().build();
        let answers = self.patient().import_image_stream(options, ReaderStream::new(archive), None);
        let steps: Vec<_> = answers.try_collect().await.map_err(|error| self.error("load images", error))?;
        let refused = steps.iter().find_map(|step| step.error_detail.as_ref()?.message.clone());
        let told: Vec<String> =
            steps.into_iter().filter_map(|step| step.stream).map(|it| it.trim().to_owned()).collect();
        match refused {
            Some(why) => Err(Error::Engine(failure().saw(why))),
            None if told.is_empty() => Err(Error::Engine(failure().saw("the engine found none in it"))),
            None => Ok(told),
        }
    }
}
