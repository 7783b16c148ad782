//! Everything of a deploy before the switch: fetch, build, start beside the old version, see it healthy.

use std::net::Ipv4Addr;

use super::ports::{self, Ports};
use super::{Context, Progress, UpRequest, compose, health, start};
use crate::builders::{self, Built, Job};
use crate::error::{Failure, Kind, Result};
use crate::git;
use crate::project_file::{BuildType, ProjectFile};
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
    let mut file = ProjectFile::of_tree(&tree)?;
    let plan = builders::choose(&tree, project.build_type, project.build_file_path.as_deref(), &file)?;
    deploy.build_type = Some(plan.builder.build_type());
    if file.memory_mib.is_some() && plan.builder.build_type() == BuildType::Compose {
        let failure = Failure::new(Kind::Invalid, "memory_mib").saw("a compose project has several services");
        return Err(failure.hint(format!("{} limits each: mem_limit", plan.file)));
    }
    if let Some(port) = file.port {
        context.keeper.ensure(&context.engine, &context.edge).await?;
        context.edge.check(port).await?;
    }
    progress.building();
    progress.step(format!("building with {} ({})", plan.file, plan.builder.build_type()));
    let environment = context.environment.values()?;
    let built = plan
        .builder
        .build(Job {
            engine: &context.engine,
            tree: &tree,
            commit: &commit,
            file: &plan.file,
            project: &text::slug(&project.name),
            deploy: &deploy.id,
            kept: &context.data.version(&deploy.id),
            environment: &environment,
            builder_image: &context.builder_image,
            on_line: &|line| progress.output(line),
        })
        .await?;
    (file.port, file.container_port) = (file.port.or(built.port), file.container_port.or(built.container_port));
    let ports = find_ports(context, &file, &built.image).await?;
    start(context, deploy, draft(built, ports, file), progress).await
}

/// What will serve, but for what only its container tells.
fn draft(built: Built, ports: Ports, file: ProjectFile) -> Serving {
    Serving {
        container: String::new(),
        name: String::new(),
        image: built.image,
        address: Ipv4Addr::UNSPECIFIED,
        container_port: ports.container,
        port: ports.public,
        health: file.health,
        memory_mib: file.memory_mib,
        compose: built.compose,
    }
}

/// Starts a version that has been built and sees it healthy.
pub(super) async fn start(
    context: &Context,
    deploy: &Deploy,
    serving: Serving,
    progress: &Progress,
) -> Result<Prepared> {
    let serving = match serving.compose {
        Some(_) => compose::replace(context, deploy, serving, progress).await?,
        None => start::start(context, deploy, serving, progress).await?,
    };
    health::wait(context, &serving, progress).await?;
    Ok(Prepared { port: serving.port, serving })
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
