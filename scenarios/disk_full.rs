//! A disk that gets full in the middle of a build: that is said, the old version serves, a prune makes room again.

use anyhow::{Context, ensure};
use rstest_reuse::apply;
use serde_json::{Value, json};

use crate::every_system;
use crate::support::{Stage, on_a_small_stage};

/// How large the disk of the engine is: room for the daemon, the application, and as much again.
const DISK: u64 = 512 << 20;

/// How many MiB are free.
async fn free(stage: &Stage<'_>) -> anyhow::Result<u64> {
    let told = stage.vps().ssh().await?.run("df --block-size=1M --output=avail /var/lib/docker | tail -n 1").await?;
    Ok(told.stdout_text().trim().parse()?)
}

/// Makes a build write these files, each of so many MiB and in a layer of its own, before what every commit changes.
async fn with_layers(stage: &Stage<'_>, files: &[(&str, u64)]) -> anyhow::Result<()> {
    let dockerfile = std::fs::read_to_string(stage.project.dir.join("Dockerfile"))?;
    let (above, below) = dockerfile.split_once("# last,").context("the fixture is another one")?;
    let layer = |(file, size): &(&str, u64)| format!("RUN head -c {size}M /dev/zero > /{file}\n");
    let layers = files.iter().map(layer).collect::<Vec<_>>().concat();
    stage.checkout.write("Dockerfile", format!("{above}{layers}# last,{below}"))?;
    stage.checkout.commit_all("Need more room").await?;
    stage.push().await
}

/// Asks for a deploy that needs more room than there is.
async fn does_not_fit(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let (status, answer) = stage.up(json!({})).await?;
    let told = answer["error"].as_str().unwrap_or_default();
    ensure!(status == 500 && told.contains("no space left on device: POST /prune"), "HTTP {status}: {answer}");
    let (_, status) = stage.api()?.as_admin("GET", "/status", None).await?;
    let last = &status["data"]["status"]["last_deploy"];
    ensure!(last["stage"] == "build" && last["error"].as_str().is_some_and(|it| it.contains(told)), "{last}");
    stage.serves(first).await
}

#[apply(every_system)]
#[tokio::test]
async fn a_full_disk_is_told_the_old_version_serves_and_a_prune_makes_room(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_small_stage((os, version), DISK, "dockerfile-web", async |stage| {
        let first = stage.deploy().await?;
        stage.serves(&first).await?;
        let room = free(stage).await?;
        // the engine holds a layer twice while it commits it: one such fits, and a second one only where the first is gone
        let most = room * 2 / 5;

        with_layers(stage, &[("ballast", most), ("too-much", room)]).await?;
        does_not_fit(stage, &first).await?;
        with_layers(stage, &[("large", most)]).await?;
        does_not_fit(stage, &first).await?;

        let (status, pruned) = stage.api()?.as_admin("POST", "/prune", None).await?;
        let images = pruned["data"]["removed"]["images"].as_array().map(Vec::as_slice).unwrap_or_default();
        let unfinished = |image: &Value| image.as_str().is_some_and(|it| it.ends_with(":unfinished"));
        ensure!(status == 200 && images.iter().any(unfinished), "HTTP {status}: {pruned}");
        let (status, answer) = stage.up(json!({})).await?;
        ensure!(status == 201, "with {} of {room} MiB free: HTTP {status}: {answer}", free(stage).await?);
        stage.serves(&stage.checkout.head().await?).await
    })
    .await
}
