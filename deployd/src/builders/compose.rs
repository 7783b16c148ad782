//! Builds compose projects, through the Compose tool of the daemon's own image.

use futures_util::future::BoxFuture;

use super::builder::{Builder, Built, Job};
use crate::compose::ComposeProject;
use crate::error::Result;
use crate::files;
use crate::project_file::{BuildType, ProjectFile};

/// Where a compose file is looked for.
const FILES: [&str; 4] = ["docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml"];

/// Builds compose projects.
pub(super) struct Compose;

impl Builder for Compose {
    fn build_type(&self) -> BuildType {
        BuildType::Compose
    }

    fn default_file(&self) -> &'static str {
        FILES[0]
    }

    fn default_files(&self) -> Vec<&'static str> {
        FILES.to_vec()
    }

    fn reads(&self, file: &str) -> bool {
        super::choose::is_yaml(file)
    }

    fn build<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Built>> {
        Box::pin(build(job))
    }
}

async fn build(job: Job<'_>) -> Result<Built> {
    // the services may mount files of the repository: the next fetch must not change those of the version that serves
    files::copy_tree(job.tree, job.kept)?;
    let project = ComposeProject {
        engine: job.engine,
        files: job.kept.to_owned(),
        file: job.file,
        project: job.project,
        build: job.deploy,
        commit: &job.commit.hash,
        environment: job.environment,
        on_line: job.on_line,
    };
    let (front, image, compose) = project.build(&ProjectFile::of_tree(job.kept)?).await?;
    Ok(Built { image, port: front.public, container_port: front.container, compose: Some(compose) })
}
