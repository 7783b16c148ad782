//! A network that is cut in the middle of a clone: the deploy ends by its deadline, and nothing is left of it.

use std::iter::repeat_with;
use std::time::Duration;

use anyhow::ensure;
use harness::Fault;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;
use serde_json::json;

use crate::every_system;
use crate::support::{Stage, on_a_stage};

/// How many bytes pass in a second while the repository is cloned, and how many it has more than it had: a minute.
const RATE: u64 = 125_000;
const FILES: usize = 120;
const FILE: usize = 64 << 10;
/// How long the daemon may take to see that nobody answers any more; it has five minutes for all of a fetch.
const DEADLINE: Duration = Duration::from_mins(1);
/// How long a command by the engine may take.
const COMMAND: Duration = Duration::from_secs(30);
/// What git has received and not put in its place yet.
const HALF: &str = "find /var/lib/deployd/src/.git/objects -name 'tmp_*' -printf '%s\\n'";

/// Runs a command on the VPS that needs no network.
async fn inside(stage: &Stage<'_>, command: &str) -> anyhow::Result<String> {
    Ok(stage.vps().run_by_engine(command, COMMAND).await?)
}

/// Lets the repository grow by what no compression makes smaller, more files than git takes apart as they come.
async fn grow(stage: &Stage<'_>) -> anyhow::Result<String> {
    for number in 0..FILES {
        let bytes: Vec<u8> = repeat_with(rand::random::<[u8; 32]>).take(FILE / 32).flatten().collect();
        stage.checkout.write(&format!("ballast/{number}"), bytes)?;
    }
    stage.checkout.write(".dockerignore", "ballast\n")?;
    let commit = stage.checkout.commit_all("Carry ballast").await?;
    stage.push().await?;
    Ok(commit)
}

/// Waits until a part of the clone has come, cuts the network, and sees the deploy end without it.
async fn cut_in_the_middle(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let received = wait_until(Duration::from_mins(1), "the first part of the clone", || async {
        match inside(stage, HALF).await {
            Ok(sizes) if sizes.lines().any(|size| size.parse::<u64>().is_ok_and(|size| size > 64 << 10)) => {
                Seen::Ready(())
            }
            Ok(sizes) => Seen::NotYet(format!("{sizes:?}")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    received.await?;
    stage.vps().inject(stage.env(), Fault::Cut).await?;
    let half = inside(stage, HALF).await?;
    ensure!(!half.is_empty(), "the clone had ended before the cut");

    let ended = wait_until(DEADLINE, "the deploy to end while the network is cut", || async {
        match inside(stage, "docker logs --tail 20 deployd 2>&1").await {
            Ok(log) if log.contains("the deploy failed; what served before still does") => Seen::Ready(()),
            Ok(log) => Seen::NotYet(log.lines().last().unwrap_or("nothing").to_owned()),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    ended.await?;
    let ask = "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
    let page = inside(stage, &format!("timeout 10 bash -c \"{ask}\"")).await?;
    ensure!(page.contains(first), "the version before does not serve while the network is cut: {page}");
    Ok(stage.vps().clear(stage.env()).await?)
}

/// Checks that nothing lies in the repository but what belongs to the version that serves.
async fn nothing_half(stage: &Stage<'_>) -> anyhow::Result<()> {
    let half = inside(stage, HALF).await?;
    ensure!(half.is_empty(), "of the clone is left: files of {half:?} bytes");
    let unreachable = "cd /var/lib/deployd/src && docker exec -w $PWD deployd git fsck --unreachable --no-progress";
    let unreachable = inside(stage, unreachable).await?;
    ensure!(unreachable.is_empty(), "of the clone is left:\n{unreachable}");
    let clean = inside(stage, "docker exec -w /var/lib/deployd/src deployd git status --porcelain").await?;
    ensure!(clean.is_empty(), "the work tree is not that of the version before:\n{clean}");
    Ok(())
}

/// A network that is cut in the middle of a clone ends the deploy by the daemon's deadline, with an error that names the git
/// host; the version before serves on, nothing half-cloned stays, and the next deploy needs no help.
#[apply(every_system)]
#[tokio::test]
async fn a_network_cut_in_mid_clone_ends_the_deploy_and_the_next_one_is_clean(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let first = stage.deploy().await?;
        stage.serves(&first).await?;
        let second = grow(stage).await?;
        stage.vps().inject(stage.env(), Fault::Bandwidth(RATE)).await?;

        // the network that is cut is also the one of whoever asked: what comes of it is asked for later
        let (_, cut) = tokio::join!(stage.up(json!({})), cut_in_the_middle(stage, &first));
        cut?;
        let (_, known) = stage.api()?.as_admin("GET", "/status", None).await?;
        let last = &known["data"]["status"]["last_deploy"];
        let named = last["error"].as_str().is_some_and(|error| error.contains("is the git host reachable from here?"));
        ensure!(last["outcome"] == "failed" && last["stage"] == "source" && named, "{last}");
        stage.serves(&first).await?;
        nothing_half(stage).await?;

        let (status, answer) = stage.up(json!({})).await?;
        ensure!(status == 201, "after the cut: HTTP {status}: {answer}");
        stage.serves(&second).await
    })
    .await
}
