//! `deploy`: pushes a project to a git host, has the deploy tool deploy it, waits for its health answer.

use std::time::Duration;

use anyhow::Context;
use harness::deployer::{Bootstrapped, Deployer, Source};
use harness::githost::GitHost;
use harness::probe::healthy;
use harness::project::{BuildType, Project};
use harness::{TestEnv, Workspace};

use super::bootstrap::ACCESS_FILE;
use super::common::{say, with_env};
use crate::build::root;
use crate::cli::{Deploy, Global};
use crate::daemon;

/// The file beside a VPS's state that names the project deployed last.
const PROJECT_FILE: &str = "project.json";

pub async fn run(global: &Global, words: Deploy) -> anyhow::Result<()> {
    let (name, folder) = match words.words.as_slice() {
        [name, folder] => (Some(name.as_str()), folder),
        [folder] => (None, folder),
        _ => anyhow::bail!("one or two words"),
    };
    let project = Project::find(folder, &root().join("projects"))?;
    let url = with_env(global, async |env| deploy(env, name, &project, &words.branch).await).await?;
    println!("{url}");
    Ok(())
}

async fn deploy(env: &TestEnv, name: Option<&str>, project: &Project, branch: &str) -> anyhow::Result<String> {
    let vps = env.attach(env.workspace().find_vps(name)?)?;
    vps.check_running("deploy to it").await?;
    let name = vps.info().name.clone();
    let access = access(env.workspace(), &name)?;
    let deployd = daemon::deployd_for(env, vps.info().arch).await?;
    if matches!(project.settings.build_type, BuildType::Procfile | BuildType::Auto) {
        deployd.provide_builder(env).await?;
    }

    let git = GitHost::start(env, &GitHost::name_for(env, &name)).await?;
    git.create(&project.name).await?;
    git.register(&project.name, &access.deploy_key).await?;
    let checkout = project.checkout().await?;
    say(&format!("push {} ({}) to {}", project.name, checkout.head().await?, git.remote(&project.name)));
    git.push(&checkout, &project.name, branch).await?;

    let source = Source { remote: git.remote(&project.name), branch: branch.to_owned() };
    deployd.deploy(&vps, &access, project, &source, &say).await?;
    let answer = healthy(&vps, project, Duration::from_secs(project.settings.health.timeout_seconds)).await?;
    say(&format!("{} answers: {}", project.name, answer.body.trim()));
    env.workspace().keep(&name, PROJECT_FILE, &project.dir)?;
    git.close().await?;
    Ok(answer.url)
}

/// What the bootstrap of a VPS left.
pub fn access(workspace: &Workspace, name: &str) -> anyhow::Result<Bootstrapped> {
    workspace
        .kept(name, ACCESS_FILE)?
        .with_context(|| format!("{name} has no deploy tool yet\n  help: {} bootstrap {name}", harness::command_line()))
}

/// The project that was deployed to a VPS last, if any was.
pub fn deployed_project(workspace: &Workspace, name: &str) -> anyhow::Result<Option<Project>> {
    let dir: Option<std::path::PathBuf> = workspace.kept(name, PROJECT_FILE)?;
    Ok(dir.map(|dir| Project::open(&dir)).transpose()?)
}
