//! Deploys that fail are not noticed by those who use the application, and a rollback undoes one that did not fail.

use anyhow::{Context, ensure};
use harness::deployer::Ability;
use harness::probe::{Continuous, Options};
use rstest_reuse::apply;
use serde_json::Value;

use crate::every_system;
use crate::support::{AnyStage, commit_of, on_any_stage, project};

/// Deploys what the work tree holds and must fail; answers what was told, in the answer and in deployd's status.
async fn failing(stage: &AnyStage<'_>) -> anyhow::Result<(String, Option<Value>)> {
    stage.checkout.commit_all("Break it").await?;
    let told = stage.deploy().await.err().context("it was deployed")?.to_string();
    stage.checkout.git(&["revert", "--no-edit", "HEAD"]).await?;
    let Some(own) = stage.deployds() else { return Ok((told, None)) };
    let (_, status) = own.api()?.as_admin("GET", "/status", None).await?;
    Ok((told, Some(status["data"]["status"]["last_deploy"].clone())))
}

/// Whether a deploy is told to have failed at a stage and why, by the status of deployd; others have none that tells it.
fn failed_at(last: Option<&Value>, stage: &str, why: &str) -> bool {
    let told = |last: &Value| last["error"].as_str().is_some_and(|error| error.contains(why));
    last.is_none_or(|last| last["stage"] == stage && last["outcome"] == "failed" && told(last))
}

#[apply(every_system)]
#[tokio::test]
async fn nobody_notices_failed_deploys_nor_a_switch_nor_a_rollback(os: &str, version: &str) -> anyhow::Result<()> {
    let needs = [Ability::Rollback, Ability::Status];
    on_any_stage((os, version), "dockerfile-web", &needs, async |stage| {
        let refused = stage.roll_back().await.err().context("a rollback with nothing to return to succeeded")?;
        let coded = stage.deployds().is_none() || refused.to_string().contains("HTTP 412");
        ensure!(coded, "a rollback with nothing to return to: {refused}");
        let first = stage.deploy().await?;
        stage.page().await?;
        let probe = Continuous::start(stage.vps(), &stage.project, &Options::default(), commit_of)?;

        stage.checkout.replace_by(&project("dockerfile-broken")?)?;
        let (told, last) = failing(stage).await?;
        ensure!(
            told.contains("code: 7") && failed_at(last.as_ref(), "build", "code: 7"),
            "a broken build: {told}; {last:?}"
        );
        stage.checkout.replace_by(&project("dockerfile-crash")?)?;
        let (told, last) = failing(stage).await?;
        ensure!(told.contains("exit code 3") && told.contains("no database is configured"), "a crash: {told}");
        ensure!(failed_at(last.as_ref(), "start", "no database is configured"), "a crash: {last:?}");
        if stage.deployds().is_some() {
            // whose file it is
            let unhealthy =
                "build_type = \"dockerfile\"\nport = 8080\n[health]\ncontains = \"nobody says\"\ntimeout_seconds = 6\n";
            stage.checkout.write("project.toml", unhealthy)?;
            let (told, last) = failing(stage).await?;
            let seen = told.contains("nobody says") && failed_at(last.as_ref(), "health", "nobody says");
            ensure!(seen, "an unhealthy version: {told}; {last:?}");
        }
        ensure!(stage.status_commit().await? == first);

        let second = stage.deploy().await?;
        for expected in [&first, &second] {
            stage.roll_back().await?;
            ensure!(stage.page().await?.contains(expected) && stage.status_commit().await? == *expected);
        }
        let report = probe.stop().await;
        ensure!(report.failed() == 0, "{report}");
        ensure!(report.versions() == [&first, &second, &first, &second], "{report}");
        Ok(())
    })
    .await
}
