//! Variables of the application: encrypted ones reach it and stand in clear nowhere else on the machine.

use std::time::Duration;

use anyhow::ensure;
use data_encoding::HEXLOWER;
use harness::probe;
use rstest_reuse::apply;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::every_system;
use crate::support::{Stage, on_a_stage};

const PLAIN: &str = "hello-to-everybody";
const SECRET: &str = "the-0wner's s3cret=value";
/// The files that are not the engine's.
const FILES: &str = "/var/lib/deployd /root /run /tmp /var/log --exclude-dir=docker --exclude-dir=containerd";
/// The engine's images and volumes. What it knows of containers is no part of them, nor is what mounts show a second time.
const ENGINES: &str = "/var/lib/docker /var/lib/containerd \
    --exclude-dir=containers --exclude-dir=merged --exclude-dir=io.containerd.metadata*";

/// Sets a variable of the application.
pub async fn set(stage: &Stage<'_>, body: Value) -> anyhow::Result<()> {
    let (status, answer) = stage.api()?.as_admin("POST", "/env", Some(&body)).await?;
    ensure!(status == 202, "POST /env: {status} {answer}");
    Ok(())
}

/// Waits until the application says that a variable has this value, or is not set.
pub async fn app_has(stage: &Stage<'_>, name: &str, value: Option<&str>) -> anyhow::Result<()> {
    let mut project = stage.project.clone();
    let health = &mut project.settings.health;
    health.path = format!("/env/{name}");
    health.status = if value.is_some() { 200 } else { 404 };
    health.contains = Some(value.map_or("unset".into(), |value| HEXLOWER.encode(&Sha256::digest(value))));
    probe::healthy(stage.vps(), &project, Duration::from_mins(1)).await?;
    Ok(())
}

/// Sets an encrypted variable, which the next deploy takes.
pub async fn set_a_secret(stage: &Stage<'_>) -> anyhow::Result<()> {
    set(stage, json!({ "name": "PASSPHRASE", "value": SECRET, "encrypt": true })).await
}

/// The application has it, and it stands in clear nowhere else.
pub async fn keeps_the_secret(stage: &Stage<'_>) -> anyhow::Result<()> {
    app_has(stage, "PASSPHRASE", Some(SECRET)).await?;
    nowhere_in_clear(stage).await
}

#[apply(every_system)]
#[tokio::test]
async fn encrypted_variables_reach_the_application_and_stand_in_clear_nowhere_else(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        set(stage, json!({ "name": "GREETING", "value": PLAIN })).await?;
        set_a_secret(stage).await?;
        stage.deploy().await?;
        app_has(stage, "GREETING", Some(PLAIN)).await?;
        keeps_the_secret(stage).await?;

        // a change waits for the next deploy, and the key outlives the daemon
        set(stage, json!({ "name": "GREETING", "remove": true })).await?;
        app_has(stage, "GREETING", Some(PLAIN)).await?;
        stage.restart_daemon().await?;
        stage.checkout.write("note.txt", "a second version")?;
        stage.checkout.commit_all("Change it").await?;
        stage.deploy().await?;
        app_has(stage, "GREETING", None).await?;
        keeps_the_secret(stage).await
    })
    .await
}

/// Looks for the encrypted value wherever the daemon writes: its interface, its log, its files, what it built and what it
/// built it with. The application's container does show it, and so do the engine's own files about that: it cannot start a
/// program without.
async fn nowhere_in_clear(stage: &Stage<'_>) -> anyhow::Result<()> {
    let api = stage.api()?;
    for path in ["/env", "/status", "/deploys", "/logs", "/logs?container=deployd"] {
        let (status, answer) = api.as_admin("GET", path, None).await?;
        ensure!(status == 200, "GET {path}: {status} {answer}");
        ensure!(!answer.to_string().contains(SECRET), "GET {path} shows it: {answer}");
    }
    let session = stage.vps().ssh().await?;
    let log = session.run("docker logs deployd 2>&1").await?;
    ensure!(!log.stdout.is_empty() && !log.stdout_text().contains(SECRET), "the daemon's log: {log:?}");
    let search =
        async |places: &str, word: &str| session.exec(&format!("grep -rlaFs -D skip -e {word:?} {places}")).await;
    // what is there in any case shows that a search finds
    for (places, word, file) in [(FILES, "PASSPHRASE", "deployd.redb"), (ENGINES, "SOURCE_VERSION", "app.py")] {
        let files = search(places, SECRET).await?;
        ensure!(files.stdout.is_empty() && !files.success(), "files with it: {}", files.stdout_text());
        let control = search(places, word).await?;
        ensure!(control.stdout_text().contains(file), "{file} is not searched: {control:?}");
    }
    Ok(())
}
