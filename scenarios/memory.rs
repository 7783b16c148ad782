//! An application that uses up its memory: it is reported and started again, and the daemon does not suffer.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;
use serde_json::Value;

use crate::every_system;
use crate::support::{Stage, on_a_stage, output_of};

/// What the application gets, and what it takes, in MiB.
const LIMIT: u64 = 64;
const TAKEN: u64 = 256;
/// How long it may take until something is known.
const KNOWN: Duration = Duration::from_mins(1);

/// What the application's container is, and how often the engine has started it again.
const APP: &str =
    "docker inspect --format '{{.Name}} {{.RestartCount}}' $(docker ps --all --quiet --filter label=deployd.role=app)";
/// Which process the daemon is, and how often it was started.
const DAEMON: &str = "docker inspect --format '{{.State.Pid}} {{.RestartCount}} {{.State.StartedAt}}' deployd";

async fn status(stage: &Stage<'_>) -> anyhow::Result<Value> {
    let (code, mut answer) = stage.api()?.as_admin("GET", "/status", None).await?;
    ensure!(code == 200, "GET /status: HTTP {code}: {answer}");
    Ok(answer["data"]["status"].take())
}

/// Asks the application to take so many MiB; answers the HTTP status, if it lives to tell one.
async fn take(stage: &Stage<'_>, mib: u64) -> anyhow::Result<String> {
    let ask = format!(
        "timeout 30 bash -c \"exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET /take/{mib} HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3\" || :"
    );
    output_of(stage.vps(), &ask).await
}

/// What the status tells of memory, once that was used up at least so many times: an engine that stalled may tell more.
async fn used_up(stage: &Stage<'_>, times: u64) -> anyhow::Result<Value> {
    let told = wait_until(KNOWN, format!("the status to tell that memory was used up {times} times"), || async {
        match status(stage).await.map(|mut status| status["out_of_memory"].take()) {
            Ok(told) if told["times"].as_u64() >= Some(times) => Seen::Ready(told),
            Ok(told) => Seen::NotYet(told.to_string()),
            Err(error) => Seen::NotYet(format!("{error:#}")),
        }
    });
    Ok(told.await?)
}

/// Gives the application a limit.
async fn limited(stage: &Stage<'_>, mib: u64) -> anyhow::Result<String> {
    let settings = std::fs::read_to_string(stage.project.dir.join("project.toml"))?;
    stage.checkout.write("project.toml", format!("memory_mib = {mib}\n{settings}"))?;
    stage.checkout.commit_all(&format!("Live on {mib} MiB")).await?;
    stage.deploy().await
}

/// An application that takes more memory than `project.toml` allows is ended by the kernel and started again; status and log
/// say so, and the daemon goes on as it was.
#[apply(every_system)]
#[tokio::test]
async fn an_application_over_its_memory_is_reported_and_restarted_and_the_daemon_is_unharmed(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let commit = limited(stage, LIMIT).await?;
        stage.serves(&commit).await?;
        let before = status(stage).await?;
        ensure!(before["out_of_memory"].is_null(), "before it happened: {}", before["out_of_memory"]);
        let (app, daemon) = (output_of(stage.vps(), APP).await?, output_of(stage.vps(), DAEMON).await?);
        let (name, starts) = app.split_once(' ').with_context(|| format!("not one application: {app}"))?;
        ensure!(starts == "0", "it has been started again already: {app}");
        let little = take(stage, 1).await?;
        ensure!(little.contains("200"), "one MiB was not to be had: {little:?}");

        let answer = take(stage, TAKEN).await?;
        ensure!(!answer.contains("200"), "{TAKEN} MiB were had where {LIMIT} are allowed: {answer}");
        let told = used_up(stage, 1).await?;
        ensure!(told["container"] == name.trim_start_matches('/') && told["memory_mib"] == LIMIT, "{told}");

        // started again, without anybody's help
        stage.serves(&commit).await?;
        let again = output_of(stage.vps(), APP).await?;
        // more than once if the engine stalled: it counts an end that it hears of twice
        let restarted = again.split_once(' ').is_some_and(|(of, starts)| of == name && starts != "0");
        ensure!(restarted, "it was not started again: {again}");
        ensure!(output_of(stage.vps(), DAEMON).await? == daemon, "the daemon is another one");
        let (_, logs) = stage.api()?.as_admin("GET", "/logs?container=deployd&entries=100", None).await?;
        ensure!(logs.to_string().contains("its memory was used up"), "the log does not tell: {logs}");

        // a daemon that was away learns of what happened meanwhile
        let before = status(stage).await?["out_of_memory"]["times"].as_u64().context("it tells no number")?;
        output_of(stage.vps(), "docker stop deployd").await?;
        take(stage, TAKEN).await?;
        stage.restart_daemon().await?;
        used_up(stage, before + 1).await?;
        stage.serves(&commit).await?;

        // the next version begins anew
        limited(stage, TAKEN).await?;
        let after = status(stage).await?;
        ensure!(after["out_of_memory"].is_null(), "of a version that was not over its memory: {after}");
        Ok(())
    })
    .await
}
