//! What every scenario begins and ends with: a VPS of its own, a bundle if it fails, nothing left behind.

mod any;
mod fixture;

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use futures_util::FutureExt;
use harness::deployer::{Ability, Api, Bootstrapped, Command, Deployd, Deployer, Source, UNSUPPORTED, Unsupported};
use harness::githost::GitHost;
use harness::project::{Checkout, MAIN_BRANCH, Project};
use harness::wait::{Seen, wait_until};
use harness::{Settings, Size, TestEnv, Vps, VpsRequest, artifacts, probe, story};
use serde_json::{Value, json};
use tokio::time::timeout;

pub use any::{AnyStage, AnyTool, on_any_stage, on_any_unknown_stage, tool_can};
pub use fixture::{commit_of, fixture, project};

/// A scenario on its way: the environment and the VPS under test.
pub struct Scenario {
    pub env: TestEnv,
    pub vps: Vps,
    /// The deploy tool in deployd's place, if there is one.
    other: Option<Command>,
}

/// Runs a scenario on a fresh VPS of the system; whatever it comes to, the VPS and everything around it is gone after.
pub async fn on_a_vps(
    os: &str,
    version: &str,
    body: impl AsyncFnOnce(&Scenario) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    on_a_sized_vps((os, version), Size::default(), body).await
}

/// The same for what any deploy tool is asked to do with a bare VPS.
pub async fn on_a_bare_vps(
    os: &str,
    version: &str,
    body: impl AsyncFnOnce(&Scenario) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = async |env: &TestEnv| Ok(env.vps(os, version)?.start(env).await?);
    run(start, body).await
}

/// The same as `on_a_vps` on a VPS of a size of its own.
pub async fn on_a_sized_vps(
    (os, version): (&str, &str),
    size: Size,
    body: impl AsyncFnOnce(&Scenario) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = async |env: &TestEnv| {
        only_deployd_has_a_part()?;
        Ok(env.vps(os, version)?.with_size(size).start(env).await?)
    };
    run(start, body).await
}

/// The same on one that has its engine already.
pub async fn on_a_sized_vps_with_engine(
    (os, version): (&str, &str),
    size: Size,
    body: impl AsyncFnOnce(&Scenario) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = async |env: &TestEnv| {
        only_deployd_has_a_part()?;
        Ok(from_snapshot(env, os, version).await?.with_size(size).start(env).await?)
    };
    run(start, body).await
}

/// A VPS that has its engine and the daemon's image already, from a snapshot, so that a bootstrap costs seconds.
pub async fn from_snapshot(env: &TestEnv, os: &str, version: &str) -> anyhow::Result<VpsRequest> {
    Ok(built_deployd(env).await?.ready_vps(env, env.system(os, version)?).await?)
}

/// Runs it; a scenario about what the deploy tool cannot do says so where the runner looks, and does not pass.
async fn run(
    start: impl AsyncFnOnce(&TestEnv) -> anyhow::Result<Vps>,
    body: impl AsyncFnOnce(&Scenario) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let result = run_to_its_end(start, body).await;
    if let (Some(unsupported), Some(dir)) = (unsupported(&result), artifacts::bundle_dir()) {
        artifacts::keep(&dir, UNSUPPORTED, unsupported.why());
    }
    result
}

fn unsupported(result: &anyhow::Result<()>) -> Option<&Unsupported> {
    result.as_ref().err().and_then(|error| error.downcast_ref())
}

async fn run_to_its_end(
    start: impl AsyncFnOnce(&TestEnv) -> anyhow::Result<Vps>,
    body: impl AsyncFnOnce(&Scenario) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let other = Command::from_env()?;
    let env = TestEnv::open_with(Settings { progress: Arc::new(say), ..Settings::from_env()? }).await?;
    // boxed, as is the body: what they hold on the way is large
    let vps = match Box::pin(start(&env)).await {
        Ok(vps) => vps,
        Err(error) => {
            env.close().await?;
            return Err(error);
        }
    };
    let scenario = Scenario { env, vps, other };
    let mut result = AssertUnwindSafe(Box::pin(body(&scenario))).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(anyhow!("panicked: {}", text.unwrap_or("without a text")))
    });
    if let (Ok(()), Some(tool)) = (&result, scenario.other.as_ref().filter(|tool| !tool.was_asked())) {
        result = tool.can(Ability::APart).map_err(Into::into);
    }
    if let (Err(error), None, Some(dir)) = (&result, unsupported(&result), artifacts::bundle_dir()) {
        artifacts::collect(&scenario.vps, &dir, &format!("{error:?}")).await;
    }
    let kept = result.is_err() && unsupported(&result).is_none();
    let Scenario { env, vps, .. } = scenario;
    let closed = if kept && std::env::var_os("TESTENV_KEEP_FAILED").is_some() {
        vps.keep(env.workspace())
            .await
            .map(|kept| say(&format!("{} stays: cargo xtask ssh {}", kept.subject(), kept.name)))
    } else {
        vps.close().await
    };
    env.close().await?;
    closed?;
    result
}

/// Runs a scenario on a VPS that the daemon is on, with a git host that holds the project and lets the daemon read it.
/// Nothing has been pushed or deployed yet.
pub async fn on_a_stage(
    os: &str,
    version: &str,
    project_name: &str,
    body: impl AsyncFnOnce(&Stage<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    on_an_unknown_stage(os, version, project_name, async |stage| {
        stage.register().await?;
        body(stage).await
    })
    .await
}

/// The same with a git host that does not know the deploy key yet.
pub async fn on_an_unknown_stage(
    os: &str,
    version: &str,
    project_name: &str,
    body: impl AsyncFnOnce(&Stage<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = async |env: &TestEnv| {
        tool_can(project_name, &[])?;
        only_deployd()?;
        Ok(from_snapshot(env, os, version).await?.start(env).await?)
    };
    run(start, async |it: &Scenario| on_it(it, project_name, body).await).await
}

/// The same as `on_a_stage` with a container engine whose disk has so many bytes.
pub async fn on_a_small_stage(
    (os, version): (&str, &str),
    bytes: u64,
    project_name: &str,
    body: impl AsyncFnOnce(&Stage<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = async |env: &TestEnv| {
        only_deployd()?;
        let request = from_snapshot(env, os, version).await?;
        Ok(request.with_engine_disk(bytes).start(env).await?)
    };
    let registered = async |stage: &Stage<'_>| {
        stage.register().await?;
        body(stage).await
    };
    run(start, async |it: &Scenario| on_it(it, project_name, registered).await).await
}

/// Sets the stage on a VPS, and takes the git host away again.
async fn on_it(
    scenario: &Scenario,
    project_name: &str,
    body: impl AsyncFnOnce(&Stage<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stage = Box::pin(Stage::set(scenario, project_name)).await?;
    let result = body(&stage).await;
    if result.is_err() {
        stage.keep_evidence().await;
    }
    stage.scene.git.close().await?;
    result
}

/// Progress of a scenario; it is a step of its story, and the runner keeps what was printed for the bundle.
pub fn say(line: &str) {
    story::step(line);
    eprintln!("==> {line}");
}

/// The deploy tool of this repository. Who asks for it is about what only deployd has: unsupported by any other tool.
pub async fn deployd(env: &TestEnv) -> anyhow::Result<Deployd> {
    only_deployd()?;
    built_deployd(env).await
}

/// Refuses another tool than deployd.
fn only_deployd() -> anyhow::Result<()> {
    Ok(Command::from_env()?.map_or(Ok(()), |tool| tool.can(Ability::DeploydsOwn))?)
}

/// Refuses another tool where a scenario asks nothing of it: what it would pass would be said of nothing.
fn only_deployd_has_a_part() -> anyhow::Result<()> {
    Ok(Command::from_env()?.map_or(Ok(()), |tool| tool.can(Ability::APart))?)
}

/// deployd, whatever tool is tested: VPSes start from its snapshots.
async fn built_deployd(env: &TestEnv) -> anyhow::Result<Deployd> {
    let binary = std::env::var_os("TESTENV_DEPLOYD_BINARY")
        .context("TESTENV_DEPLOYD_BINARY names no binary of the deploy daemon; cargo xtask matrix builds one")?;
    Ok(Deployd::from_binary(env, Path::new(&binary)).await?)
}

/// What a command prints on a VPS, trimmed.
pub async fn output_of(vps: &Vps, command: &str) -> anyhow::Result<String> {
    Ok(vps.ssh().await?.run(command).await?.stdout_text().trim().to_owned())
}

/// What every stage has: a VPS, a git host that it trusts, and a project whose repository is on it.
pub struct Scene<'a> {
    scenario: &'a Scenario,
    pub git: GitHost,
    pub project: Project,
    pub checkout: Checkout,
}

/// A VPS that deployd is on.
pub struct Stage<'a> {
    scene: Scene<'a>,
    pub deployd: Deployd,
    pub access: Bootstrapped,
}

impl<'a> Deref for Stage<'a> {
    type Target = Scene<'a>;

    fn deref(&self) -> &Scene<'a> {
        &self.scene
    }
}

impl<'a> Scene<'a> {
    /// Puts a tool onto the VPS, and the project into a repository whose deploy key is not registered yet.
    async fn set<T: Deployer>(
        scenario: &'a Scenario,
        project_name: &str,
        tool: &T,
    ) -> anyhow::Result<(Self, T::Access)> {
        let Scenario { env, vps, .. } = scenario;
        let name = GitHost::name_for(env, &vps.info().name);
        let trusted = [GitHost::known_hosts_line(env, &name)?];
        let (access, git) = tokio::join!(tool.bootstrap(vps, &trusted, &say), GitHost::start(env, &name));
        let (access, git, project) = (access?, git?, project(project_name)?);
        git.create(&project.name).await?;
        let checkout = project.checkout().await?;
        Ok((Self { scenario, git, project, checkout }, access))
    }

    /// The VPS that the deploy tool is on.
    pub fn vps(&self) -> &Vps {
        &self.scenario.vps
    }

    /// The environment of the VPS.
    pub fn env(&self) -> &TestEnv {
        &self.scenario.env
    }

    /// Pushes the present commit.
    pub async fn push(&self) -> anyhow::Result<()> {
        Ok(self.git.push(&self.checkout, &self.project.name, MAIN_BRANCH).await?)
    }

    /// The application's page, once it is healthy.
    pub async fn page(&self) -> anyhow::Result<String> {
        let deadline = Duration::from_mins(1);
        Ok(probe::healthy(&self.scenario.vps, &self.project, deadline).await?.body)
    }

    /// Where the deploy tool finds what was pushed.
    pub fn source(&self) -> Source {
        Source { remote: self.git.remote(&self.project.name), branch: MAIN_BRANCH.to_owned() }
    }
}

impl<'a> Stage<'a> {
    /// Bootstraps the VPS and puts the project into a repository whose deploy key is not registered yet.
    pub async fn set(scenario: &'a Scenario, project_name: &str) -> anyhow::Result<Self> {
        let deployd = deployd(&scenario.env).await?;
        let (scene, access) = Box::pin(Scene::set(scenario, project_name, &deployd)).await?;
        Ok(Self { scene, deployd, access })
    }

    /// Puts the daemon onto another VPS, too, and lets it read the repository.
    pub async fn bootstrap_on(&self, vps: &Vps) -> anyhow::Result<Bootstrapped> {
        let git_host = GitHost::name_for(self.env(), &self.vps().info().name);
        let trusted = [GitHost::known_hosts_line(self.env(), &git_host)?];
        let access = self.deployd.bootstrap(vps, &trusted, &say).await?;
        self.git.register(&self.project.name, &access.deploy_key).await?;
        Ok(access)
    }

    /// The daemon's interface.
    pub fn api(&self) -> anyhow::Result<Api<'_>> {
        Ok(Api::new(self.vps().subject(), &self.access)?)
    }

    /// What the bundle cannot ask the VPS for: what the git host said, and what the daemon remembers of its deploys.
    async fn keep_evidence(&self) {
        let Some(dir) = artifacts::bundle_dir() else { return };
        story::end();
        let log = self.git.log().await.unwrap_or_else(|error| error.to_string());
        artifacts::keep(&dir, "git-host.txt", &log);
        for (file, path) in [("deploys.json", "/deploys"), ("status.json", "/status")] {
            let answer = async { anyhow::Ok(self.api()?.as_admin("GET", path, None).await?.1) };
            let text = match timeout(Duration::from_secs(20), answer).await {
                Ok(Ok(answer)) => format!("{answer:#}"),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer".to_owned(),
            };
            artifacts::keep(&dir, file, &text);
        }
    }

    /// Starts the daemon again, and waits until it answers.
    pub async fn restart_daemon(&self) -> anyhow::Result<()> {
        self.vps().ssh().await?.run("docker restart deployd").await?;
        let api = self.api()?;
        let answers = wait_until(Duration::from_mins(1), "the daemon to answer again", || async {
            match api.send("GET", "/", None, None).await {
                Ok((200, _)) => Seen::Ready(()),
                Ok((status, answer)) => Seen::NotYet(format!("{status} {answer}")),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        Ok(answers.await?)
    }

    /// Ends the daemon's process without its engine being asked, which would take that for a stop by hand.
    pub async fn kill_daemon(&self) -> anyhow::Result<()> {
        self.signal_daemon("KILL").await
    }

    /// Sends the daemon's process a signal. STOP and CONT hold it and let it go on; not `docker pause`: runc gives up where
    /// the freezer of cgroup v1 takes longer than it tries, "unable to freeze"
    /// (<https://github.com/opencontainers/runc/pull/4388>).
    pub async fn signal_daemon(&self, signal: &str) -> anyhow::Result<()> {
        let process = "$(docker inspect --format '{{.State.Pid}}' deployd)";
        self.vps().ssh().await?.run(&format!("kill -{signal} {process}")).await?;
        Ok(())
    }

    /// Lets the VPS read the repository.
    pub async fn register(&self) -> anyhow::Result<()> {
        Ok(self.git.register(&self.project.name, &self.access.deploy_key).await?)
    }

    /// Pushes the present commit and asks the deploy tool to deploy it; answers the commit's hash.
    pub async fn deploy(&self) -> anyhow::Result<String> {
        self.push().await?;
        self.deployd.deploy(self.vps(), &self.access, &self.project, &self.source(), &say).await?;
        Ok(self.checkout.head().await?)
    }

    /// The commit that the deploy tool says is deployed.
    pub async fn status_commit(&self) -> anyhow::Result<String> {
        Ok(self.deployd.status(self.vps(), &self.access).await?.commit_hash)
    }

    /// Asks for a deploy of what was pushed, with these settings beside remote and branch; answers the HTTP status and the
    /// answer.
    pub async fn up(&self, mut settings: Value) -> anyhow::Result<(u16, Value)> {
        settings["git_options"] = json!({ "remote": self.git.remote(&self.project.name), "branch": MAIN_BRANCH });
        Ok(self.api()?.as_admin("POST", "/up", Some(&settings)).await?)
    }

    /// Checks that a commit serves, by the application's word and by the daemon's.
    pub async fn serves(&self, commit: &str) -> anyhow::Result<()> {
        let (page, status) = (self.page().await?, self.status_commit().await?);
        ensure!(page.contains(commit) && status == commit, "{commit} does not serve, but {status}; the page: {page}");
        Ok(())
    }
}
