//! Images of the engine: importing, pulling, building, listing.

use std::collections::HashMap;

use bollard::models::ContainerConfig;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CommitContainerOptionsBuilder, CreateImageOptionsBuilder, ListImagesOptionsBuilder,
    PushImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::Engine;
use super::connect::{DISK_FULL, MAKE_ROOM, has_stopped, is_left_line_end, status};
use crate::catalog::Arch;
use crate::error::{Error, Failure, Result, chain};

/// Which label of an image says for which architecture it is. Engines before 23 call whatever they import their own, and
/// what is built on it, too.
pub(crate) const ARCH: &str = "org.testvps.arch";

/// An image on the engine.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ImageInfo {
    /// The engine's name for its content.
    pub id: String,
    /// The references that point at it.
    pub tags: Vec<String>,
    /// Size in bytes, layers shared with other images included.
    pub size_bytes: i64,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Its labels.
    pub labels: HashMap<String, String>,
}

/// How a root file system archive becomes an image.
pub(crate) struct Imported<'a> {
    pub tag: &'a str,
    pub arch: Arch,
    pub labels: &'a HashMap<String, String>,
}

/// What a build needs.
pub(crate) struct BuildContext {
    pub tag: String,
    pub tar: Vec<u8>,
    pub args: HashMap<String, String>,
}

impl Engine {
    /// The id and the labels of the image that `reference` names, if the engine has it.
    pub(crate) async fn image(&self, reference: &str) -> Result<Option<(String, HashMap<String, String>)>> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => {
                let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
                Ok(image.id.map(|id| (id, labels)))
            }
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.error(format!("look for image {reference}"), error)),
        }
    }

    /// How many bytes an image's file system has.
    pub(crate) async fn image_bytes(&self, reference: &str) -> Result<u64> {
        let image = self.docker.inspect_image(reference).await;
        let image = image.map_err(|error| self.error(format!("look how large {reference} is"), error))?;
        Ok(image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default())
    }

    /// The id of the image that `reference` names, if the engine has it.
    pub async fn image_id(&self, reference: &str) -> Result<Option<String>> {
        Ok(self.image(reference).await?.map(|(id, _)| id))
    }

    /// Every image whose reference fits `pattern`, such as `testvps/*`.
    pub async fn images(&self, pattern: &str) -> Result<Vec<ImageInfo>> {
        let filters = HashMap::from([("reference", vec![pattern])]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let images = self.docker.list_images(Some(options)).await.map_err(|error| self.error("list images", error))?;
        let info = |image: bollard::models::ImageSummary| ImageInfo {
            id: image.id,
            tags: image.repo_tags.into_iter().filter(|tag| tag != "<none>:<none>").collect(),
            size_bytes: image.size,
            created: image.created,
            labels: image.labels,
        };
        Ok(images.into_iter().map(info).collect())
    }

    /// Makes an image of a root file system archive.
    pub(crate) async fn import<S>(&self, archive: S, imported: Imported<'_>) -> Result<()>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let (repo, tag) = split_tag(imported.tag);
        let changes: Vec<String> =
            imported.labels.iter().map(|(key, value)| format!("LABEL {key}={value:?}")).collect();
        let options = CreateImageOptionsBuilder::default().from_src("-").repo(repo).tag(tag).changes(changes);
        let options = options.platform(platform(imported.arch)).build();
        let mut progress = self.patient().create_image(Some(options), Some(bollard::body_try_stream(archive)), None);
        let what = format!("import {}", imported.tag);
        while let Some(step) = progress.next().await {
            let step = match step {
                Err(error) if is_left_line_end(&error) => break,
                step => step.map_err(|error| self.error(&what, error))?,
            };
            if let Some(detail) = step.error_detail {
                let seen = detail.message.unwrap_or_default();
                let failure = Failure::new("container engine", what).saw(&seen);
                let failure = if seen.contains(DISK_FULL) { failure.hint(MAKE_ROOM) } else { failure };
                return Err(Error::Engine(failure));
            }
        }
        self.made(imported.tag, &what).await
    }

    /// Pulls a reference from its registry for an architecture, and names it. What a person pulled under the reference
    /// itself stays theirs where that is for another architecture. What the registry has not is an [`Error::Pull`].
    pub(crate) async fn pull(&self, reference: &str, arch: Arch, name: &str) -> Result<()> {
        let before = self.image_id(reference).await?;
        self.pull_for(reference, arch).await?;
        self.tag(reference, name).await?;
        match before {
            _ if arch == self.arch() => Ok(()),
            Some(id) => self.tag(&id, reference).await,
            None => self.remove_image(reference).await,
        }
    }

    async fn pull_for(&self, reference: &str, arch: Arch) -> Result<()> {
        let (repo, tag) = split_tag(reference);
        let options = CreateImageOptionsBuilder::default().from_image(repo).tag(tag).platform(platform(arch)).build();
        let mut progress = self.docker.create_image(Some(options), None, None);
        let what = format!("pull {reference}");
        while let Some(step) = progress.next().await {
            let step = match step {
                Err(error) if is_left_line_end(&error) => break,
                Err(error) if has_stopped(&error) => return Err(self.error(what, error)),
                step => step.map_err(|error| not_pulled(&what, &said(&error)))?,
            };
            if let Some(detail) = step.error_detail {
                return Err(not_pulled(&what, &detail.message.unwrap_or_default()));
            }
        }
        match self.image_id(reference).await? {
            Some(_) => Ok(()),
            None => Err(not_pulled(&what, "the engine's answer ended, and there is no image")),
        }
    }

    /// Asks the registry of a reference, through the engine, whether it has it for an architecture.
    pub(crate) async fn registry_has(&self, reference: &str, arch: Arch) -> Result<(), String> {
        let found = self.docker.inspect_registry_image(reference, None).await.map_err(|error| said(&error))?;
        let (_, wanted) = arch_words(arch);
        let has = |platform: &bollard::models::OciPlatform| platform.architecture.as_deref() == Some(wanted);
        if found.platforms.iter().any(has) { Ok(()) } else { Err(format!("not for {arch}")) }
    }

    /// The architecture that an image is for, by its label or the engine's word.
    pub(crate) async fn image_arch(&self, reference: &str) -> Result<Option<Arch>> {
        let image = self.docker.inspect_image(reference).await;
        let image = image.map_err(|error| self.error(format!("look at image {reference}"), error))?;
        let label = image.config.and_then(|config| config.labels).and_then(|mut labels| labels.remove(ARCH));
        let said = image.architecture.unwrap_or_default();
        let by_word = || Arch::ALL.into_iter().find(|arch| arch_words(*arch).1 == said);
        Ok(label.and_then(|label| label.parse().ok()).or_else(by_word))
    }

    /// Gives an image another name.
    pub(crate) async fn tag(&self, from: &str, to: &str) -> Result<()> {
        let (repo, tag) = split_tag(to);
        let options = TagImageOptionsBuilder::default().repo(repo).tag(tag).build();
        self.docker
            .tag_image(from, Some(options))
            .await
            .map_err(|error| self.error(format!("tag {from} as {to}"), error))
    }

    /// Sends an image to the registry that its name begins with.
    pub(crate) async fn push(&self, reference: &str) -> Result<()> {
        let (repo, tag) = split_tag(reference);
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        let mut progress = self.docker.push_image(repo, Some(options), None);
        let failed =
            |seen: String| Error::Engine(Failure::new("container engine", format!("push {reference}")).saw(seen));
        let (mut last, mut arrived) = (String::new(), false);
        while let Some(step) = progress.next().await {
            let step = match step {
                Err(error) if is_left_line_end(&error) => break,
                step => step.map_err(|error| self.error(format!("push {reference}"), error))?,
            };
            if let Some(detail) = step.error_detail {
                return Err(failed(detail.message.unwrap_or_default()));
            }
            last = step.status.unwrap_or(last);
            // the registry's name for what it has now: the last words of a push
            arrived |= last.contains("digest: sha256:");
        }
        if arrived { Ok(()) } else { Err(failed(format!("the engine's answer ended without a digest: {last}"))) }
    }

    /// Removes one name of an image, and the image with its last name.
    pub async fn remove_image(&self, reference: &str) -> Result<()> {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        match self.docker.remove_image(reference, Some(options), None).await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(self.error(format!("remove image {reference}"), error)),
        }
    }

    /// Builds an image with the engine's classic builder, which every engine has; each line of output goes to `on_line`.
    pub(crate) async fn build(&self, context: BuildContext, mut on_line: impl FnMut(&str)) -> Result<()> {
        let BuildContext { tag, tar, args } = context;
        let start = std::time::Instant::now();
        let options = BuildImageOptionsBuilder::default().t(&tag).rm(true).forcerm(true).buildargs(&args).build();
        let mut progress = self.docker.build_image(options, None, Some(bollard::body_full(tar.into())));
        let mut output: Vec<String> = Vec::new();
        let failed = |output: &[String], why: String| {
            let last = output[output.len().saturating_sub(15)..].join("\n");
            let failure = Failure::new(tag.clone(), "build").after(start.elapsed()).saw(format!("{last}\n{why}"));
            Error::Build(if why.contains(DISK_FULL) || last.contains(DISK_FULL) {
                failure.hint(MAKE_ROOM)
            } else {
                failure
            })
        };
        while let Some(step) = progress.next().await {
            let step = match step {
                Err(error) if is_left_line_end(&error) => break,
                step => step.map_err(|error| failed(&output, chain(&error)))?,
            };
            for line in step.stream.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
                on_line(line);
                output.push(line.to_owned());
            }
            if let Some(detail) = step.error_detail {
                return Err(failed(&output, detail.message.unwrap_or_default()));
            }
        }
        match self.image_id(&tag).await? {
            Some(_) => Ok(()),
            None => Err(failed(&output, "the engine's answer ended, and there is no image".to_owned())),
        }
    }

    /// Keeps the present file system of a container as an image; `labels` and `env` take the place of the container's
    /// own of the same names.
    pub(crate) async fn commit(
        &self,
        container: &str,
        tag: &str,
        labels: HashMap<String, String>,
        env: Vec<String>,
    ) -> Result<()> {
        let (repo, version) = split_tag(tag);
        let options = CommitContainerOptionsBuilder::default().container(container).repo(repo).tag(version).build();
        let config = ContainerConfig { labels: Some(labels), env: Some(env), ..ContainerConfig::default() };
        let committed = self.patient().commit_container(options, config).await;
        committed.map(|_| ()).map_err(|error| self.error(format!("commit {container} as {tag}"), error))
    }

    /// An image that an engine said to have made has to be there: its words may have been cut.
    async fn made(&self, reference: &str, what: &str) -> Result<()> {
        match self.image_id(reference).await? {
            Some(_) => Ok(()),
            None => Err(Error::Engine(
                Failure::new("container engine", what).saw(format!("its answer ended, and there is no {reference}")),
            )),
        }
    }
}

/// A registry's fault, unless the engine has no room for what came.
fn not_pulled(what: &str, seen: &str) -> Error {
    let failure = Failure::new("container engine", what).saw(seen);
    if seen.contains(DISK_FULL) { Error::Engine(failure.hint(MAKE_ROOM)) } else { Error::Pull(failure) }
}

/// Debian's and the engines' words for an architecture: the engine's platform, and its architecture alone.
fn arch_words(arch: Arch) -> (&'static str, &'static str) {
    match arch {
        Arch::Amd64 => ("linux/amd64", "amd64"),
        Arch::Arm64 => ("linux/arm64", "arm64"),
        Arch::Armhf => ("linux/arm/v7", "arm"),
    }
}

fn platform(arch: Arch) -> &'static str {
    arch_words(arch).0
}

/// What the engine itself said, without the layers around it.
fn said(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        other => chain(other),
    }
}

/// `localhost:5000/debian:12` is `localhost:5000/debian` and `12`; a digest stands where a tag would.
fn split_tag(reference: &str) -> (&str, &str) {
    if let Some(by_digest) = reference.split_once('@') {
        return by_digest;
    }
    reference.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((reference, "latest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_fault_of_the_registry() {
        assert!(matches!(not_pulled("pull a", "manifest unknown"), Error::Pull(_)));
        let full = not_pulled("pull a", "write /var/lib/docker/tmp/a: no space left on device");
        assert!(matches!(&full, Error::Engine(_)) && full.to_string().contains("images prune"), "{full}");
    }

    #[test]
    fn a_registry_port_is_not_a_tag() {
        assert_eq!(split_tag("127.0.0.1:5000/library/debian:12"), ("127.0.0.1:5000/library/debian", "12"));
        assert_eq!(split_tag("127.0.0.1:5000/library/debian"), ("127.0.0.1:5000/library/debian", "latest"));
        assert_eq!(split_tag("docker.io/library/debian@sha256:ab"), ("docker.io/library/debian", "sha256:ab"));
    }
}
