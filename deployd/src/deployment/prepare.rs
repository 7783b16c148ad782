//! Everything of a deploy that the old version does not notice: fetch, build, start beside it, see it healthy.

use super::ports::{self, Ports};
use super::{Context, Progress, UpRequest, health, start};
use crate::builders::{self, Job};
use crate::error::{Failure, Kind, Result};
use crate::git;
use crate::project_file::ProjectFile;
use crate::store::{Deploy, Project, Serving};
use crate::text;

/// A new version that is healthy and does not serve yet.
pub(super) struct Prepared {
    /// What will serve.
    pub(super) serving: Serving,
    /// The public port.
    pub(super) port: u16,
}

/// Brings a new version up beside the one that serves.
pub(super) async fn prepare(
    context: &Context,
    request: &UpRequest,
    progress: &Progress,
    project: &Project,
    deploy: &mut Deploy,
) -> Result<Prepared> {
    let commit = fetch(context, request, progress, project, deploy).await?;
    let tree = context.data.source();
    let file = ProjectFile::of_tree(&tree)?;
    let plan = builders::choose(&tree, project.build_type, project.build_file_path.as_deref(), &file)?;
    deploy.build_type = Some(plan.builder.build_type());
    if let Some(port) = file.port {
        context.keeper.ensure(&context.engine, &context.edge).await?;
        context.edge.check(port).await?;
    }
    progress.building();
    progress.step(format!("building with {} ({})", plan.file, plan.builder.build_type()));
    let environment = context.environment.values()?;
    let image = plan
        .builder
        .build(Job {
            engine: &context.engine,
            tree: &tree,
            commit: &commit,
            file: &plan.file,
            project: &text::slug(&project.name),
            deploy: &deploy.id,
            environment: &environment,
            builder_image: &context.builder_image,
            on_line: &|line| progress.output(line),
        })
        .await?;
    let ports = find_ports(context, &file, &image).await?;
    let serving = start::start(context, deploy, &image, ports, file.health, progress).await?;
    health::wait(context, &serving, progress).await?;
    Ok(Prepared { port: ports.public, serving })
}

async fn fetch(
    context: &Context,
    request: &UpRequest,
    progress: &Progress,
    project: &Project,
    deploy: &mut Deploy,
) -> Result<git::Commit> {
    progress.step(format!("fetching {} of {}", project.branch, git::without_password(&project.remote)));
    let commit = git::checkout(&context.data, &project.remote, &project.branch).await?;
    deploy.commit_hash = Some(commit.hash.clone());
    deploy.commit_message = Some(commit.message.clone());
    // the address works: webhooks for it count from now on, also if this very commit cannot be built
    context.store.set_project(project)?;
    if !request.webhook_secret.is_empty() {
        context.store.set_webhook_secret(&request.webhook_secret)?;
    }
    context.store.set_deploy(deploy)?;
    let title = commit.message.lines().next().unwrap_or_default();
    progress.step(format!("commit {} {title}", commit.hash));
    Ok(commit)
}

async fn find_ports(context: &Context, file: &ProjectFile, image: &str) -> Result<Ports> {
    let found = context.engine.image(image).await?;
    let found = found.ok_or_else(|| {
        let failure = Failure::new(Kind::Build, format!("find the image {image}"));
        failure.saw("the build ended without an error and without an image")
    })?;
    let ports = ports::choose(file, &found.exposed)?;
    context.keeper.ensure(&context.engine, &context.edge).await?;
    context.edge.check(ports.public).await?;
    Ok(ports)
}
