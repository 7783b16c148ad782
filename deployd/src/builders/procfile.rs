//! Builds projects by buildpacks: a container of the builder image makes the application and becomes its image.

mod file;
mod slug;

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::timeout;

pub use file::Procfile;

use super::builder::{Builder, Built, Job};
use super::context;
use super::dockerfile::SOURCE_VERSION;
use super::ignorefile::IgnoreFile;
use crate::engine::{BuildContainer, Commit, Volume};
use crate::error::{Failure, Kind, Result};
use crate::files;
use crate::project_file::BuildType;
use crate::text::{self, Tail};

/// How long a build may take, its builder image included.
const DEADLINE: Duration = Duration::from_mins(30);
/// How many lines of a failed build are told.
const LAST_LINES: usize = 30;
/// The port that an application is told to listen on, unless its variables say otherwise.
const PORT: u16 = 5000;
/// The file's usual name.
const FILE: &str = "Procfile";

// the contract of the builder image, which is herokuish's
const APP: &str = "/tmp/app";
const VARIABLES: &str = "/tmp/env";
const CACHE: &str = "/tmp/cache";
const BUILD: &str = "/build";
const START: [&str; 2] = ["/start", "web"];
/// The variable that names a buildpack. Some builder images look for it in their environment only.
const BUILDPACK: &str = "BUILDPACK_URL";

/// Builds projects by buildpacks.
pub(super) struct Buildpacks;

impl Builder for Buildpacks {
    fn build_type(&self) -> BuildType {
        BuildType::Procfile
    }

    fn default_file(&self) -> &'static str {
        FILE
    }

    /// A buildpack may know by itself how an application runs.
    fn needs_file(&self) -> bool {
        false
    }

    fn build<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Built>> {
        Box::pin(async { Ok(build(job).await?.into()) })
    }
}

async fn build(job: Job<'_>) -> Result<String> {
    let procfile = files::read_in_tree(job.tree, job.file)?;
    if let Some(text) = &procfile {
        Procfile::parse(text)?.needs_web()?;
    }
    let built = timeout(DEADLINE, async {
        job.engine.pull_if_missing(job.builder_image, job.on_line).await?;
        let container = job.engine.create_build(&container(&job)).await?;
        let built = build_in(&job, &container, procfile.filter(|_| job.file != FILE)).await;
        // if this is dropped before, the deploy or the daemon's next start removes it
        job.engine.remove(&container).await?;
        built
    });
    built.await.unwrap_or_else(|_| {
        let saw = format!("the build had not finished after {} s", DEADLINE.as_secs());
        Err(Failure::new(Kind::Build, "build with buildpacks").saw(saw))
    })
}

/// What goes in is in volumes, and so does not end in the image: neither the source nor the variables.
fn container(job: &Job<'_>) -> BuildContainer {
    BuildContainer {
        name: format!("deployd-build-{}-{}", job.project, job.deploy),
        image: job.builder_image.to_owned(),
        project: job.project.to_owned(),
        deploy: job.deploy.to_owned(),
        command: vec![BUILD.to_owned()],
        env: job.environment.get_key_value(BUILDPACK).map(|(k, v)| (k.clone(), v.clone())).into_iter().collect(),
        volumes: vec![
            Volume { at: APP, name: None },
            Volume { at: VARIABLES, name: None },
            Volume { at: CACHE, name: Some(format!("deployd-cache-{}", job.project)) },
        ],
    }
}

async fn build_in(job: &Job<'_>, container: &str, procfile: Option<String>) -> Result<String> {
    let engine = job.engine;
    let tree = context::stream(job.tree.to_owned(), IgnoreFile::of_slug(job.tree)?, job.commit.time);
    engine.upload(container, APP, tree, DEADLINE).await?;
    let mut variables = job.environment.clone();
    variables.insert(SOURCE_VERSION.to_owned(), job.commit.hash.clone());
    engine.upload(container, VARIABLES, slug::files(variables.iter())?, DEADLINE).await?;
    if let Some(text) = procfile {
        engine.upload(container, APP, slug::files([(FILE, &text)].into_iter())?, DEADLINE).await?;
    }
    engine.start(container).await?;
    let mut tail = Tail::new(LAST_LINES);
    let code = engine
        .follow(container, |line| {
            let line = text::without_colours(line);
            (job.on_line)(&line);
            tail.push(line);
        })
        .await?;
    if code != 0 {
        return Err(failed(code, &tail.into_lines()));
    }
    let commit = Commit {
        repository: format!("deployd/{}", job.project),
        tag: job.deploy.to_owned(),
        command: START.map(str::to_owned).to_vec(),
        port: job.environment.get("PORT").and_then(|port| port.parse().ok()).unwrap_or(PORT),
        // it may hold a password
        forget: BUILDPACK,
    };
    engine.commit(container, &commit).await
}

fn failed(code: i64, lines: &[String]) -> Failure {
    // the marks that builders begin their lines with are not part of what they say
    let said = lines.iter().map(|line| line.trim_start_matches([' ', '-', '!', '>', '=']).trim());
    let last = said.rev().find(|line| !line.is_empty()).unwrap_or("it printed nothing");
    let failure = Failure::new(Kind::Build, "build with buildpacks");
    let failure = failure.saw(format!("it ended with exit code {code}: {last}"));
    let failure = if last.contains("Unable to select a buildpack") {
        failure.hint("no buildpack fits what the repository holds: the variable BUILDPACK_URL names one")
    } else {
        failure
    };
    failure.lines(lines.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_build_says_its_last_words() {
        let lines = ["-----> Python app detected", " !     Unable to fetch the buildpack", "", "  "].map(str::to_owned);
        let failure = failed(1, &lines);
        assert_eq!(
            failure.to_string(),
            "build with buildpacks: it ended with exit code 1: Unable to fetch the buildpack"
        );
        assert_eq!(failure.last_lines(), lines);
        assert!(failed(137, &[]).to_string().contains("137: it printed nothing"));
        let none = failed(1, &["-----> Unable to select a buildpack".to_owned()]).to_string();
        assert!(none.contains("BUILDPACK_URL"), "{none}");
    }
}
