//! Deploys that fail are not noticed by those who use the application, and a rollback undoes one that did not fail.

use anyhow::{Context, ensure};
use harness::probe::{Continuous, Options};
use rstest_reuse::apply;
use serde_json::Value;

use crate::every_system;
use crate::support::{Stage, commit_of, on_a_stage, project};

/// Deploys what the work tree holds and must fail; answers what was told, in the answer and in the status.
async fn failing(stage: &Stage<'_>) -> anyhow::Result<(String, Value)> {
    stage.checkout.commit_all("Break it").await?;
    let told = stage.deploy().await.err().context("it was deployed")?.to_string();
    stage.checkout.git(&["revert", "--no-edit", "HEAD"]).await?;
    let (_, status) = stage.api()?.as_admin("GET", "/status", None).await?;
    Ok((told, status["data"]["status"]["last_deploy"].clone()))
}

#[apply(every_system)]
#[tokio::test]
async fn nobody_notices_failed_deploys_nor_a_switch_nor_a_rollback(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let (code, _) = stage.api()?.as_admin("POST", "/rollback", None).await?;
        ensure!(code == 412, "a rollback with nothing to return to: HTTP {code}");
        let first = stage.deploy().await?;
        stage.page().await?;
        let probe = Continuous::start(stage.vps(), &stage.project, &Options::default(), commit_of)?;

        stage.checkout.replace_by(&project("dockerfile-broken")?)?;
        let (told, last) = failing(stage).await?;
        ensure!(told.contains("code: 7") && last["stage"] == "build", "a broken build: {told}; {last}");
        stage.checkout.replace_by(&project("dockerfile-crash")?)?;
        let (told, last) = failing(stage).await?;
        ensure!(told.contains("exit code 3") && told.contains("no database is configured"), "a crash: {told}");
        ensure!(last["stage"] == "start" && last["outcome"] == "failed", "a crash: {last}");
        let unhealthy =
            "build_type = \"dockerfile\"\nport = 8080\n[health]\ncontains = \"nobody says\"\ntimeout_seconds = 2\n";
        stage.checkout.write("project.toml", unhealthy)?;
        let (told, last) = failing(stage).await?;
        ensure!(told.contains("nobody says") && last["stage"] == "health", "an unhealthy version: {told}; {last}");
        ensure!(stage.status_commit().await? == first);

        let second = stage.deploy().await?;
        for expected in [&first, &second] {
            let (code, answer) = stage.api()?.as_admin("POST", "/rollback", None).await?;
            ensure!(code == 201, "HTTP {code}: {answer}");
            ensure!(stage.page().await?.contains(expected) && stage.status_commit().await? == *expected);
        }
        let report = probe.stop().await;
        ensure!(report.failed() == 0, "{report}");
        ensure!(report.versions() == [&first, &second, &first, &second], "{report}");
        Ok(())
    })
    .await
}
