//! A reboot of the VPS loses nothing: daemon, application, commit, users, variables and /persist return by themselves, on
//! the same address.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::deployer::Ability;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;
use serde_json::json;

use crate::environment::{app_has, set};
use crate::every_system;
use crate::support::{Scene, Stage, on_any_stage};

/// The password of the user ann.
const PASSWORD: &str = "correct horse";

/// Runs a shell command in the application's container; answers what it printed.
async fn in_app(stage: &Stage<'_>, command: &str) -> anyhow::Result<String> {
    let run = format!("docker exec $(docker ps --quiet --filter label=deployd.role=app) sh -c '{command}'");
    Ok(stage.vps().ssh().await?.run(&run).await?.stdout_text().trim().to_owned())
}

/// Adds a user and logs in; answers the token.
async fn user(stage: &Stage<'_>) -> anyhow::Result<String> {
    let (api, user) = (stage.api()?, json!({ "username": "ann", "password": PASSWORD }));
    let (status, answer) = api.as_admin("POST", "/user/add", Some(&user)).await?;
    ensure!(status == 201, "add ann: {status} {answer}");
    let (_, answer) = api.send("POST", "/user/login", None, Some(&user)).await?;
    Ok(answer["data"]["token"].as_str().with_context(|| format!("no token: {answer}"))?.to_owned())
}

async fn reboot(stage: &Scene<'_>) -> anyhow::Result<()> {
    let before = stage.vps().boot_id().await?;
    // the connection ends with the machine: how this command ends is not the point
    let _ = stage.vps().ssh().await?.exec("systemctl reboot || reboot").await;
    stage.vps().booted_after(&before).await?;
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn all_that_the_daemon_and_the_application_had_returns_after_a_reboot(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_any_stage((os, version), "dockerfile-web", &[Ability::Status], async |stage| {
        if let Some(own) = stage.deployds() {
            set(own, json!({ "name": "GREETING", "value": "hello" })).await?;
            set(own, json!({ "name": "PASSPHRASE", "value": "s3cret", "encrypt": true })).await?;
        }
        let commit = stage.deploy().await?;
        stage.serves(&commit).await?;
        let token = match stage.deployds() {
            Some(own) => {
                in_app(own, "echo kept > /persist/file").await?;
                user(own).await?
            }
            None => String::new(),
        };

        reboot(stage).await?;

        // daemon and application are asked at the address from before
        let status = wait_until(Duration::from_mins(1), "the daemon to answer", || async {
            match stage.status_commit().await {
                Ok(commit) => Seen::Ready(commit),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        status.await?;
        stage.serves(&commit).await?;
        if let Some(own) = stage.deployds() {
            nothing_is_lost(own, &token).await?;
        }
        // and all of it works
        let next = stage.deploy().await?;
        stage.serves(&next).await
    })
    .await
}

/// What deployd keeps beside the commit: variables, the application's files, users with their sessions.
async fn nothing_is_lost(stage: &Stage<'_>, token: &str) -> anyhow::Result<()> {
    app_has(stage, "GREETING", Some("hello")).await?;
    app_has(stage, "PASSPHRASE", Some("s3cret")).await?;
    let kept = in_app(stage, "cat /persist/file").await?;
    ensure!(kept == "kept", "/persist/file holds {kept:?}");
    let api = stage.api()?;
    let (status, answer) = api.send("GET", "/user/validate", Some(token), None).await?;
    ensure!(status == 200 && answer["data"]["username"] == "ann", "the token of ann: {status} {answer}");
    let again = json!({ "username": "ann", "password": PASSWORD });
    let (status, answer) = api.send("POST", "/user/login", None, Some(&again)).await?;
    ensure!(status == 200, "ann cannot log in any more: {status} {answer}");
    let (_, answer) = api.as_admin("GET", "/env", None).await?;
    let names: Vec<&str> = answer["data"]["variables"]
        .as_array()
        .context("no variables")?
        .iter()
        .filter_map(|variable| variable["name"].as_str())
        .collect();
    ensure!(names == ["GREETING", "PASSPHRASE"], "the variables: {answer}");
    Ok(())
}
