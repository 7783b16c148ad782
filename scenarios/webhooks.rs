//! Webhooks: a push serves by itself, nothing that is not signed does anything, a burst ends with its last push.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::deployer::{Deployer, Status};
use harness::probe;
use harness::project::MAIN_BRANCH;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;
use serde_json::Value;

use crate::every_system;
use crate::senders::{BITBUCKET, DOCKER_HUB, GITHUB, GITLAB, Post, Sender, UNSIGNED_KINDS, other};
use crate::support::{Stage, on_a_stage};

/// How long a deploy may take until it serves.
const SERVED: Duration = Duration::from_mins(5);
/// How many pushes a burst has.
const BURST: usize = 20;

/// Lets the git host tell the daemon of each push.
async fn connect(stage: &Stage<'_>) -> anyhow::Result<()> {
    let access = &stage.access;
    let (url, secret) = (&access.webhook_url, &access.webhook_secret);
    Ok(stage.git.webhook(&stage.project.name, url, secret, &access.certificate).await?)
}

/// Commits something and pushes it; answers the commit.
async fn push(stage: &Stage<'_>, note: &str, branch: &str) -> anyhow::Result<String> {
    stage.checkout.write("note.txt", note)?;
    let commit = stage.checkout.commit_all(note).await?;
    stage.git.push(&stage.checkout, &stage.project.name, branch).await?;
    Ok(commit)
}

async fn status(stage: &Stage<'_>) -> anyhow::Result<Status> {
    Ok(stage.deployd.status(stage.vps(), &stage.access).await?)
}

/// The id of the deploy that began last.
fn last_deploy(status: &Status) -> String {
    status.rest.get("last_deploy").map(|last| last["id"].to_string()).unwrap_or_default()
}

/// Waits until a commit serves, by the daemon's word and by the application's, and no deploy runs.
async fn serves(stage: &Stage<'_>, commit: &str) -> anyhow::Result<Status> {
    let served = wait_until(SERVED, format!("commit {commit} to serve"), || async {
        let status = match status(stage).await {
            Ok(status) => status,
            Err(error) => return Seen::NotYet(error.to_string()),
        };
        let page = probe::ask(stage.vps(), &stage.project).await;
        let idle = status.rest.get("build_active") == Some(&Value::Bool(false));
        if idle && status.commit_hash == commit && page.ok && page.body.contains(commit) {
            return Seen::Ready(status);
        }
        Seen::NotYet(format!("{status:?}; the page: {page:?}"))
    });
    Ok(served.await?)
}

async fn log(stage: &Stage<'_>) -> anyhow::Result<String> {
    Ok(stage.vps().ssh().await?.run("docker logs deployd 2>&1").await?.stdout_text().into_owned())
}

/// How many webhooks the daemon accepted while a deploy ran.
async fn accepted_meanwhile(stage: &Stage<'_>) -> anyhow::Result<usize> {
    let (mut running, mut accepted) = (false, 0);
    for line in log(stage).await?.lines() {
        running = (running || line.contains("a deploy begins")) && !line.contains("a deploy has ended");
        accepted += usize::from(running && line.contains("a webhook asks for a deploy"));
    }
    Ok(accepted)
}

/// The lines of the daemon's log in which a deploy begins or has ended: which of the two, and its id.
async fn history(stage: &Stage<'_>) -> anyhow::Result<Vec<(bool, String)>> {
    let log = log(stage).await?;
    let of = |line: &str| {
        let begins = line.contains("a deploy begins");
        let id = line.split("deploy=").nth(1)?.split_whitespace().next()?.trim_matches('"').to_owned();
        (begins || line.contains("a deploy has ended")).then_some((begins, id))
    };
    Ok(log.lines().filter_map(of).collect())
}

#[apply(every_system)]
#[tokio::test]
async fn a_push_serves_by_itself_also_if_the_daemon_is_killed(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let first = stage.deploy().await?;
        connect(stage).await?;
        let second = push(stage, "second", MAIN_BRANCH).await?;
        serves(stage, &second).await?;
        ensure!(first != second);

        let before = last_deploy(&status(stage).await?);
        push(stage, "not for this machine", "elsewhere").await?;
        let started = "docker inspect --format '{{.State.StartedAt}}' deployd";
        let session = stage.vps().ssh().await?;
        let start = session.run(started).await?.stdout_text().into_owned();
        ensure!(last_deploy(&status(stage).await?) == before, "a push to another branch was deployed");

        // accepted, and killed before it can be built
        let third = push(stage, "third", MAIN_BRANCH).await?;
        stage.kill_daemon().await?;
        serves(stage, &third).await?;
        ensure!(session.run(started).await?.stdout_text() != start, "the daemon was not killed");
        let answers = stage.git.webhook_answers(&stage.project.name).await?;
        ensure!(answers == [202, 202, 202], "{answers:?}");
        Ok(())
    })
    .await
}

#[apply(every_system)]
#[tokio::test]
async fn a_burst_of_pushes_ends_with_its_last_and_builds_never_overlap(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        stage.deploy().await?;
        connect(stage).await?;
        let mut last = String::new();
        for number in 1..=BURST {
            last = push(stage, &format!("push {number}"), MAIN_BRANCH).await?;
        }
        serves(stage, &last).await?;
        let answers = stage.git.webhook_answers(&stage.project.name).await?;
        ensure!(answers == [202; BURST], "{answers:?}");

        let history = history(stage).await?;
        // the last entry may be of a deploy that still runs: a push that came while the head was being fetched
        for pair in history.chunks(2) {
            let (begins, id) = &pair[0];
            ensure!(begins, "{id} ended and had not begun");
            if let Some((begins, next)) = pair.get(1) {
                let what = if *begins { "began" } else { "ended" };
                ensure!(!begins && next == id, "deploys overlap: {id} ran when {next} {what}");
            }
        }
        ensure!(history.len() > 2, "no deploy but the first: {history:?}");
        // whoever pushes is answered at once, and not when what runs has ended
        ensure!(accepted_meanwhile(stage).await? > 0, "every answer waited for a deploy, after each of {BURST} pushes");
        Ok(())
    })
    .await
}

async fn send(stage: &Stage<'_>, post: Post) -> anyhow::Result<(u16, Value)> {
    let headers: Vec<(&str, &str)> = post.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(stage.api()?.post_raw(&post.path, &headers, post.body).await?)
}

async fn answers(stage: &Stage<'_>, what: &str, post: Post, code: u16, deploy: Option<bool>) -> anyhow::Result<()> {
    let (status, answer) = send(stage, post).await?;
    ensure!(status == code, "{what}: {status} instead of {code}: {answer}");
    ensure!(answer["data"]["deploy"].as_bool() == deploy, "{what}: {answer}");
    Ok(())
}

/// Sends everything that must not lead to a deploy.
async fn send_the_rest(stage: &Stage<'_>, remote: &str) -> anyhow::Result<()> {
    let secret = &stage.access.webhook_secret;
    for sender in [GITHUB, GITLAB, BITBUCKET, DOCKER_HUB] {
        let push = |secret: &str| sender.push(remote, "refs/heads/main", secret);
        answers(stage, &format!("{} with another secret", sender.name), push("another secret"), 401, None).await?;
        for kind in UNSIGNED_KINDS {
            let post = kind(push(secret));
            answers(stage, &format!("{} without a signature", sender.name), post, 401, None).await?;
        }
    }
    for sender in [GITHUB, GITLAB, BITBUCKET] {
        let named = |what: &str| format!("{}: {what}", sender.name);
        let tag = sender.push(remote, "refs/tags/v1", secret);
        answers(stage, &named("a tag"), tag, 202, Some(false)).await?;
        let branch = sender.push(remote, "refs/heads/elsewhere", secret);
        answers(stage, &named("another branch"), branch, 202, Some(false)).await?;
        let repository = sender.push(&other(remote), "refs/heads/main", secret);
        answers(stage, &named("another repository"), repository, 202, Some(false)).await?;
        answers(stage, &named("another event"), sender.ping(secret), 202, Some(false)).await?;
    }
    answers(stage, "a body of 10 MB", GITHUB.body(&vec![b' '; 10_000_000], secret), 413, None).await?;
    answers(stage, "a body of 10 MB, unsigned", GITHUB.body(&vec![b' '; 10_000_000], "wrong"), 413, None).await?;
    for sender in [GITHUB, GITLAB, BITBUCKET, DOCKER_HUB] {
        answers(stage, &format!("broken JSON of {}", sender.name), sender.body(b"{\"ref\":", secret), 400, None)
            .await?;
    }
    Ok(())
}

/// Sends a push that counts, and waits until the deploy that it asks for has ended well.
async fn deploy_by(stage: &Stage<'_>, sender: Sender, post: Post, commit: &str) -> anyhow::Result<()> {
    let before = last_deploy(&status(stage).await?);
    answers(stage, sender.name, post, 202, Some(true)).await?;
    let what = format!("the deploy that {} asks for", sender.name);
    let ended = wait_until(SERVED, what, || async {
        match status(stage).await {
            Ok(status) if last_deploy(&status) != before && status.rest["last_deploy"]["outcome"] == "succeeded" => {
                Seen::Ready(status)
            }
            Ok(status) => Seen::NotYet(format!("{:?}", status.rest)),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    ended.await?;
    serves(stage, commit).await.map(|_| ())
}

#[apply(every_system)]
#[tokio::test]
async fn only_a_signed_new_push_to_the_branch_is_deployed(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let first = stage.deploy().await?;
        let (remote, secret) = (stage.git.remote(&stage.project.name), stage.access.webhook_secret.clone());
        // from here on any deploy at all would change the commit
        let second = push(stage, "second", MAIN_BRANCH).await?;
        let before = last_deploy(&status(stage).await?);
        send_the_rest(stage, &remote).await?;
        let after = status(stage).await?;
        ensure!((&after.commit_hash, last_deploy(&after)) == (&first, before), "{after:?}");

        let mut accepted = Vec::new();
        for sender in [GITHUB, GITLAB, BITBUCKET, DOCKER_HUB] {
            let post = sender.push(&remote, "refs/heads/main", &secret);
            deploy_by(stage, sender, post.clone(), &second).await?;
            accepted.push((sender, post));
        }
        let third = push(stage, "third", MAIN_BRANCH).await?;
        for (sender, post) in accepted {
            answers(stage, &format!("a replay of {}", sender.name), post.clone(), 409, None).await?;
            if sender.signs_the_body() {
                let renamed = sender.renamed(post);
                answers(stage, &format!("a replay of {} by another id", sender.name), renamed, 409, None).await?;
            }
        }
        let after = status(stage).await?;
        ensure!(after.commit_hash == second, "{after:?}");
        deploy_by(stage, GITHUB, GITHUB.push(&remote, "refs/heads/main", &secret), &third).await?;

        let begun = history(stage).await?.into_iter().filter(|(begins, _)| *begins).count();
        ensure!(begun == 6, "{begun} deploys began: the first, one of each sender, the last");
        Ok(())
    })
    .await
    .context("webhooks that are refused or ignored")
}
