//! A container in which something is built, and which then becomes an image.

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{
    ContainerConfig, ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, RestartPolicy,
};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, CreateImageOptionsBuilder,
    UploadToContainerOptionsBuilder, WaitContainerOptions,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::connect::{failed, said};
use super::spec::{ROLE, restart_policy};
use super::{Engine, Role};
use crate::error::{Failure, Kind, Result};

/// All that a container has printed.
const EVERYTHING: usize = 1_000_000;

/// A container in which something is built. It has the engine's usual rights, and neither its socket nor a port.
#[derive(Debug, Clone)]
pub struct BuildContainer {
    /// Its name.
    pub name: String,
    /// The image of the builder.
    pub image: String,
    /// The project, for the label.
    pub project: String,
    /// The deploy, for the label.
    pub deploy: String,
    /// What builds.
    pub command: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// What does not become part of the image.
    pub volumes: Vec<Volume>,
}

/// A volume of a container in which something is built.
#[derive(Debug, Clone)]
pub struct Volume {
    /// The path inside.
    pub at: &'static str,
    /// Its name, if it is kept; without one it goes with the container.
    pub name: Option<String>,
}

/// What a container becomes.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The repository of the image's reference.
    pub repository: String,
    /// Its tag.
    pub tag: String,
    /// What the image runs.
    pub command: Vec<String>,
    /// The port that it exposes.
    pub port: u16,
    /// An environment variable that the image shall not hold.
    pub forget: &'static str,
}

impl BuildContainer {
    fn body(&self) -> ContainerCreateBody {
        let labels = [(ROLE, Role::Build.word()), ("deployd.project", &self.project), ("deployd.deploy", &self.deploy)];
        let mounts = self.volumes.iter().map(|volume| self.mount(volume)).collect();
        let restart: RestartPolicy = restart_policy(false);
        ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(self.command.clone()),
            env: Some(self.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
            host_config: Some(HostConfig {
                mounts: Some(mounts),
                restart_policy: Some(restart),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn mount(&self, volume: &Volume) -> Mount {
        let labels = HashMap::from([
            (ROLE.to_owned(), Role::Cache.word().to_owned()),
            ("deployd.project".to_owned(), self.project.clone()),
        ]);
        let options = MountVolumeOptions { labels: Some(labels), ..MountVolumeOptions::default() };
        Mount {
            target: Some(volume.at.to_owned()),
            source: volume.name.clone(),
            typ: Some(MountType::VOLUME),
            volume_options: volume.name.is_some().then_some(options),
            ..Mount::default()
        }
    }
}

impl Engine {
    /// Makes a container to build in; it does not run yet.
    pub async fn create_build(&self, build: &BuildContainer) -> Result<String> {
        let what = format!("make the container {}", build.name);
        let options = CreateContainerOptionsBuilder::new().name(&build.name).build();
        let created = self.docker().await?.create_container(Some(options), build.body()).await.map_err(failed(what))?;
        Ok(created.id)
    }

    /// Unpacks a tar into a folder of a container.
    pub async fn upload(
        &self,
        id: &str,
        folder: &str,
        tar: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
        deadline: Duration,
    ) -> Result<()> {
        // the engine answers when it has unpacked all of it
        let docker = self.docker().await?.clone().with_timeout(deadline);
        let options = UploadToContainerOptionsBuilder::new().path(folder).build();
        let uploaded = docker.upload_to_container(id, Some(options), bollard::body_try_stream(tar)).await;
        uploaded.map_err(failed(format!("copy files to {folder} of the build's container")))
    }

    /// Tells each line that a container prints until it ends; answers its exit code.
    pub async fn follow(&self, id: &str, mut on_line: impl FnMut(&str)) -> Result<i64> {
        let mut lines = self.log_stream(id, EVERYTHING, true).await?;
        while let Some(line) = lines.next().await {
            on_line(&line?);
        }
        let mut ended = Box::pin(self.docker().await?.wait_container(id, None::<WaitContainerOptions>));
        match ended.next().await {
            Some(Ok(response)) => Ok(response.status_code),
            // what the client calls an error is any other exit code than 0
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(failed("wait for the end of the build")(error)),
            None => Err(Failure::new(Kind::Engine, "wait for the end of the build").saw("the engine said nothing")),
        }
    }

    /// Makes an image of a container that has ended; answers its reference.
    pub async fn commit(&self, id: &str, commit: &Commit) -> Result<String> {
        let reference = format!("{}:{}", commit.repository, commit.tag);
        let options = CommitContainerOptionsBuilder::new()
            .container(id)
            .repo(&commit.repository)
            .tag(&commit.tag)
            .changes(&commit.changes())
            .build();
        let committed = self.docker().await?.commit_container(options, ContainerConfig::default()).await;
        committed.map_err(failed(format!("make the image {reference}")))?;
        Ok(reference)
    }

    /// Pulls an image unless it is there.
    pub async fn pull_if_missing(&self, reference: &str, on_line: impl Fn(&str) + Send) -> Result<()> {
        if self.image(reference).await?.is_some() {
            return Ok(());
        }
        on_line(&format!("pulling {reference}"));
        let options = CreateImageOptionsBuilder::new().from_image(&with_tag(reference)).build();
        let mut steps = self.docker().await?.create_image(Some(options), None, None);
        while let Some(step) = steps.next().await {
            let problem = match step {
                Ok(step) => step.error_detail.and_then(|error| error.message),
                Err(error) => Some(said(&error)),
            };
            if let Some(problem) = problem {
                let failure = Failure::new(Kind::Engine, format!("pull the image {reference}")).saw(problem);
                return Err(failure.hint("does its registry answer? DEPLOYD_BUILDER_IMAGE names another builder"));
            }
        }
        Ok(())
    }
}

impl Commit {
    fn changes(&self) -> String {
        let command = serde_json::json!(self.command);
        let Self { port, forget, .. } = self;
        format!("CMD {command}\nEXPOSE {port}\nENV {forget}=\nLABEL {ROLE}={}", Role::Image.word())
    }
}

/// Without a tag the engine would pull every one of the repository.
fn with_tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    if name.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_without_a_tag_means_the_latest() {
        assert_eq!(with_tag("gliderlabs/herokuish"), "gliderlabs/herokuish:latest");
        assert_eq!(with_tag("host:5000/herokuish"), "host:5000/herokuish:latest");
        for whole in ["host:5000/herokuish:v1", "herokuish@sha256:00"] {
            assert_eq!(with_tag(whole), whole);
        }
    }

    #[test]
    fn an_image_runs_its_command_and_forgets_the_buildpack() {
        let command = ["/start", "web"].map(str::to_owned).to_vec();
        let commit = Commit { repository: "a".into(), tag: "b".into(), command, port: 5000, forget: "BUILDPACK_URL" };
        let expected = "CMD [\"/start\",\"web\"]\nEXPOSE 5000\nENV BUILDPACK_URL=\nLABEL deployd.role=image";
        assert_eq!(commit.changes(), expected);
    }
}
