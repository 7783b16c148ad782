//! Logs: of the application, live, and of the daemon; of nobody else's containers.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::deployer::Followed;
use rstest_reuse::apply;

use crate::every_system;
use crate::support::on_a_stage;

/// How long a line may take.
const LINE: Duration = Duration::from_mins(1);

/// Reads until a line holds a text.
async fn line_with(followed: &mut Followed, text: &str) -> anyhow::Result<String> {
    let found = async {
        while let Some(line) = followed.next().await {
            if line.contains(text) {
                return Some(line);
            }
        }
        None
    };
    let found = tokio::time::timeout(LINE, found).await.with_context(|| format!("no line with {text:?} came"))?;
    found.with_context(|| format!("the stream ended without {text:?}"))
}

#[apply(every_system)]
#[tokio::test]
async fn logs_of_application_and_daemon_come_live_and_others_are_not_shown(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let commit = stage.deploy().await?;
        let api = stage.api()?;
        let session = stage.vps().ssh().await?;
        let named = session.run("docker ps --filter label=deployd.role=app --format '{{.Names}}'").await?;
        let app = named.stdout_text().trim().to_owned();
        ensure!(!app.is_empty() && app.lines().count() == 1, "not one container of the application: {app:?}");

        let mut followed = api.follow(&format!("/logs?container={app}&entries=10&stream=true")).await?;
        let ask = |path: &str| {
            let script = format!("import urllib.request as r; r.urlopen('http://127.0.0.1:8080/{path}')");
            format!("docker exec {app} python3 -c \"{script}\"")
        };
        for marker in ["first-marker", "second-marker"] {
            session.run(&ask(marker)).await?;
            line_with(&mut followed, marker).await?;
        }
        ensure!(followed.ping(LINE).await, "a ping was not answered");
        followed.close().await;

        let (status, answer) = api.as_admin("GET", &format!("/logs?container={app}&entries=1000"), None).await?;
        let lines = answer["data"]["logs"].as_array().cloned().unwrap_or_default();
        ensure!(status == 200 && lines.iter().any(|line| line.to_string().contains("second-marker")), "{answer}");
        let (_, answer) = api.as_admin("GET", &format!("/logs?container={app}&entries=1"), None).await?;
        ensure!(answer["data"]["logs"].as_array().map(Vec::len) == Some(1), "{answer}");

        for daemon in ["/logs", "/logs?container=deployd", "/logs?container=/deployd"] {
            let (status, answer) = api.as_admin("GET", daemon, None).await?;
            ensure!(status == 200 && answer["data"]["logs"].to_string().contains(&commit), "{daemon}: {answer}");
        }
        // the daemon's own log tells of each request: here, of the next one
        let mut followed = api.follow("/logs?entries=1&stream=true").await?;
        api.as_admin("GET", "/a-path-that-is-not-there", None).await?;
        line_with(&mut followed, "/a-path-that-is-not-there").await?;
        drop(followed);

        session.run("docker run -d --name of-others --entrypoint sleep $(docker images -q | head -n 1) 600").await?;
        for missing in ["nobody", "of-others"] {
            let (status, answer) = api.as_admin("GET", &format!("/logs?container={missing}"), None).await?;
            ensure!(status == 404, "{missing}: {status} {answer}");
            let refused = api.follow(&format!("/logs?container={missing}&stream=true")).await.err();
            let refused = refused.context("a log of others was followed")?.to_string();
            ensure!(refused.contains("404"), "{refused}");
        }
        let (status, answer) = api.as_admin("GET", "/logs?stream=true", None).await?;
        ensure!(status == 400 && answer.to_string().contains("WebSocket"), "{status} {answer}");
        let (status, _) = api.as_admin("GET", "/logs?entries=0", None).await?;
        ensure!(status == 400, "{status}");
        let (status, _) = api.send("GET", "/logs", None, None).await?;
        ensure!(status == 401, "{status}");
        Ok(())
    })
    .await
}
