//! Where deploys are measured: a VPS with the daemon, a git host that it trusts, and a project on that.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use harness::catalog::System;
use harness::deployer::{Bootstrapped, Deployd, Deployer, Source};
use harness::githost::GitHost;
use harness::project::{Checkout, MAIN_BRANCH, Project};
use harness::ssh::Exec;
use harness::wait::{Seen, wait_until};
use harness::{TestEnv, Vps};

use crate::build::sources;

/// The fixture that is deployed.
const PROJECT: &str = "projects/dockerfile-web";
/// The file of it that every round changes.
const CHANGED: &str = "app.py";
/// How long a command on the VPS may take.
const DEADLINE: Duration = Duration::from_mins(5);
/// Succeeds once the daemon has put away the version before and the builds that nobody needs.
const AT_REST: &str = "test $(docker ps -aq --filter label=deployd.role=app | wc -l) -le 1 && \
                       test $(docker images -q 'deployd/*' | sort -u | wc -l) -le 2";

/// A bootstrapped VPS, a git host, and a project whose repository is on it.
pub struct Stage<'a> {
    pub deployd: &'a Deployd,
    pub vps: Vps,
    pub access: Bootstrapped,
    pub project: Project,
    git: GitHost,
    checkout: Checkout,
}

/// Sets a stage and takes it down again, whatever the work comes to.
pub async fn on_a_stage<T>(
    env: &TestEnv,
    deployd: &Deployd,
    system: &System,
    work: impl AsyncFnOnce(&Stage<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let stage = Stage::set(env, deployd, system).await?;
    let result = work(&stage).await;
    stage.git.close().await?;
    stage.vps.close().await?;
    result
}

impl<'a> Stage<'a> {
    async fn set(env: &TestEnv, deployd: &'a Deployd, system: &System) -> anyhow::Result<Self> {
        let project = Project::open(&sources()?.join(PROJECT))?;
        let vps = deployd.ready_vps(env, system).await?.start(env).await?;
        let name = GitHost::name_for(env, &vps.info().name);
        let access = deployd.bootstrap(&vps, &[GitHost::known_hosts_line(env, &name)?], &|_| {}).await?;
        let git = GitHost::start(env, &name).await?;
        git.create(&project.name).await?;
        git.register(&project.name, &access.deploy_key).await?;
        let checkout = project.checkout().await?;
        Ok(Self { deployd, vps, access, project, git, checkout })
    }

    /// Where the VPS has the project from.
    pub fn source(&self) -> Source {
        Source { remote: self.git.remote(&self.project.name), branch: MAIN_BRANCH.to_owned() }
    }

    /// Commits a change of a file that the image has in a layer; answers the commit's hash.
    pub async fn change(&self) -> anyhow::Result<String> {
        let mut content = std::fs::read_to_string(Path::new(self.checkout.path()).join(CHANGED))?;
        // another text each time, so that no layer of an earlier round can be taken for it
        writeln!(content, "# after {}", self.checkout.head().await?)?;
        self.checkout.write(CHANGED, content)?;
        Ok(self.checkout.commit_all("Change it").await?)
    }

    /// Pushes the present commit.
    pub async fn push(&self) -> anyhow::Result<()> {
        Ok(self.git.push(&self.checkout, &self.project.name, MAIN_BRANCH).await?)
    }

    /// Runs a script on the VPS; answers what it printed.
    pub async fn run(&self, script: &str, variables: &[(&str, &str)]) -> anyhow::Result<String> {
        let exec = Exec::new().stdin(script.as_bytes().to_vec()).deadline(DEADLINE);
        let exec = variables.iter().fold(exec, |exec, (name, value)| exec.env(*name, *value));
        let output = self.vps.ssh().await?.run_with("sh -s", exec).await?;
        Ok(output.stdout_text().into_owned())
    }

    /// Waits until the daemon has nothing left to do: what it does after a deploy is in nobody's measured time.
    pub async fn rest(&self) -> anyhow::Result<()> {
        let session = self.vps.ssh().await?;
        let rest = wait_until(Duration::from_mins(1), "the daemon to come to rest", async || {
            match session.exec(AT_REST).await {
                Ok(output) if output.success() => Seen::Ready(()),
                Ok(output) => Seen::NotYet(format!("{output:?}")),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        Ok(rest.await?)
    }
}
