//! Stages for any deploy tool: what scenarios ask of all of them, through verbs alone.

use std::ops::Deref;

use anyhow::ensure;
use harness::TestEnv;
use harness::deployer::{Ability, Bootstrapped, Command, Deployd, Deployer, OnLine, Results};
use harness::project::Project;

use super::{Scenario, Scene, Stage, built_deployd, from_snapshot, project, run, say};

/// The deploy tool under test.
pub enum AnyTool {
    /// That of this repository.
    Deployd(Deployd),
    /// The one that `TESTENV_DEPLOYER` names.
    Other(Command),
}

/// A VPS that the deploy tool under test is on.
pub enum AnyStage<'a> {
    /// deployd, of which a scenario may ask more than of others.
    Deployd(Stage<'a>),
    /// Another one.
    Other(Scene<'a>, Command, Results),
}

/// Runs a scenario on a VPS with the deploy tool under test, which must be able to do all that the scenario is about. Its
/// repository is on a git host that lets the tool read it.
pub async fn on_any_stage(
    system: (&str, &str),
    project_name: &str,
    needs: &[Ability],
    body: impl AsyncFnOnce(&AnyStage<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    on_any_unknown_stage(system, project_name, needs, async |stage| {
        stage.register().await?;
        body(stage).await
    })
    .await
}

/// The same with a git host that does not know the tool's deploy key yet.
pub async fn on_any_unknown_stage(
    (os, version): (&str, &str),
    project_name: &str,
    needs: &[Ability],
    body: impl AsyncFnOnce(&AnyStage<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = async |env: &TestEnv| {
        tool_can(project_name, needs)?;
        Ok(from_snapshot(env, os, version).await?.start(env).await?)
    };
    let set = async |it: &Scenario| {
        let stage = Box::pin(AnyStage::set(it, project_name)).await?;
        let result = body(&stage).await;
        stage.close(result.is_err()).await?;
        result
    };
    run(start, set).await
}

/// Says so if the tool under test cannot build a project, or do any of this; deployd can.
pub fn tool_can(project_name: &str, needs: &[Ability]) -> anyhow::Result<()> {
    let Some(tool) = Command::from_env()? else { return Ok(()) };
    let build = Ability::Build(project(project_name)?.settings.build_type);
    for need in [&[build], needs].concat() {
        tool.can(need)?;
    }
    Ok(())
}

impl AnyTool {
    /// The one that is to be tested.
    pub async fn of(it: &Scenario) -> anyhow::Result<Self> {
        Ok(match &it.other {
            // the scenario's own, which knows whether it was asked for anything
            Some(tool) => Self::Other(tool.clone()),
            None => Self::Deployd(built_deployd(&it.env).await?),
        })
    }

    /// Puts it onto the VPS; answers what deployd's bootstrap leaves, and only that.
    pub async fn bootstrap(&self, it: &Scenario) -> anyhow::Result<Option<Bootstrapped>> {
        Ok(match self {
            Self::Deployd(tool) => Some(tool.bootstrap(&it.vps, &[], &say).await?),
            Self::Other(tool) => {
                tool.bootstrap(&it.vps, &[], &say).await?;
                None
            }
        })
    }
}

impl<'a> AnyStage<'a> {
    /// Puts the tool onto the VPS, and the project into a repository whose deploy key is not registered yet.
    pub async fn set(scenario: &'a Scenario, project_name: &str) -> anyhow::Result<Self> {
        let Some(tool) = scenario.other.clone() else {
            return Ok(Self::Deployd(Box::pin(Stage::set(scenario, project_name)).await?));
        };
        let (scene, access) = Box::pin(Scene::set(scenario, project_name, &tool)).await?;
        Ok(Self::Other(scene, tool, access))
    }

    /// Takes the git host away, with evidence of what failed.
    pub async fn close(self, failed: bool) -> anyhow::Result<()> {
        match self {
            Self::Deployd(stage) => {
                if failed {
                    stage.keep_evidence().await;
                }
                Ok(stage.scene.git.close().await?)
            }
            Self::Other(scene, ..) => Ok(scene.git.close().await?),
        }
    }

    /// deployd's stage, to ask what only deployd has.
    pub fn deployds(&self) -> Option<&Stage<'a>> {
        match self {
            Self::Deployd(stage) => Some(stage),
            Self::Other(..) => None,
        }
    }

    /// Whether the tool can do something; to be asked where the scenario's name does not promise it.
    pub fn is_able(&self, what: Ability) -> bool {
        match self {
            Self::Deployd(_) => true,
            Self::Other(_, tool, _) => tool.can(what).is_ok(),
        }
    }

    /// The public key that the git host must let in, where the tool has one.
    pub fn deploy_key(&self) -> Option<&str> {
        match self {
            Self::Deployd(stage) => Some(&stage.access.deploy_key),
            Self::Other(_, _, results) => results.deploy_key(),
        }
    }

    /// Lets the tool read the repository, where it fetches from there.
    pub async fn register(&self) -> anyhow::Result<()> {
        if let Some(key) = self.deploy_key() {
            self.git.register(&self.project.name, key).await?;
        }
        Ok(())
    }

    /// Pushes the present commit and asks the deploy tool to deploy it; answers the commit's hash.
    pub async fn deploy(&self) -> anyhow::Result<String> {
        self.deploy_telling(&say).await
    }

    /// The same, with each line that the tool says.
    pub async fn deploy_telling(&self, on_line: OnLine<'_>) -> anyhow::Result<String> {
        self.push().await?;
        // a tool that pushes takes what the operator has checked out
        let project = Project { dir: self.checkout.path().to_owned(), ..self.project.clone() };
        match self {
            Self::Deployd(Stage { scene, deployd, access }) => {
                deployd.deploy(scene.vps(), access, &project, &scene.source(), on_line).await?;
            }
            Self::Other(scene, tool, access) => {
                tool.deploy(scene.vps(), access, &project, &scene.source(), on_line).await?;
            }
        }
        Ok(self.checkout.head().await?)
    }

    /// Returns to the version before.
    pub async fn roll_back(&self) -> anyhow::Result<()> {
        match self {
            Self::Deployd(stage) => Ok(stage.deployd.roll_back(stage.vps(), &stage.access, &say).await?),
            Self::Other(scene, tool, access) => {
                tool.can(Ability::Rollback)?;
                Ok(tool.roll_back(scene.vps(), access, &say).await?)
            }
        }
    }

    /// The commit that the deploy tool says is deployed.
    pub async fn status_commit(&self) -> anyhow::Result<String> {
        match self {
            Self::Deployd(stage) => stage.status_commit().await,
            Self::Other(scene, tool, access) => {
                tool.can(Ability::Status)?;
                Ok(tool.status(scene.vps(), access).await?.commit_hash)
            }
        }
    }

    /// Checks that a commit serves, by the application's word and by the tool's.
    pub async fn serves(&self, commit: &str) -> anyhow::Result<()> {
        let (page, status) = (self.page().await?, self.status_commit().await?);
        ensure!(page.contains(commit) && status == commit, "{commit} does not serve, but {status}; the page: {page}");
        Ok(())
    }

    /// Takes the tool off the VPS, with what it deployed.
    pub async fn remove(&self) -> anyhow::Result<()> {
        match self {
            Self::Deployd(stage) => Ok(stage.deployd.uninstall(stage.vps(), &say).await?),
            Self::Other(scene, tool, _) => {
                tool.can(Ability::Remove)?;
                Ok(tool.uninstall(scene.vps(), &say).await?)
            }
        }
    }
}

impl<'a> Deref for AnyStage<'a> {
    type Target = Scene<'a>;

    fn deref(&self) -> &Scene<'a> {
        match self {
            Self::Deployd(stage) => stage,
            Self::Other(scene, ..) => scene,
        }
    }
}
