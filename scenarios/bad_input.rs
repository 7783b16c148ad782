//! Bad input of every sort is answered with its code and its cause, and what served before goes on serving.

use std::time::Duration;

use anyhow::{Context, ensure};
use rstest_reuse::apply;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::every_system;
use crate::senders::GITHUB;
use crate::support::{Stage, on_a_stage};

/// As long may the daemon try to reach a git host that is not there.
const UNREACHABLE: Duration = Duration::from_mins(1);
/// Broken where its ninth character is.
const BROKEN: &[u8] = b"{\"ref\": oops}";
const BROKEN_AT: &str = "expected value at line 1 column 9";

/// What has to be answered: the HTTP status, what was being done, what was seen.
type Told<'a> = (u16, &'a str, &'a str);

/// Checks what was answered, and that the first version serves as if nothing had been asked.
async fn refused(
    stage: &Stage<'_>,
    first: &str,
    (status, answer): (u16, Value),
    (code, message, cause): Told<'_>,
) -> anyhow::Result<()> {
    let told = answer["error"].as_str().unwrap_or_default();
    ensure!(status == code && answer["code"] == code, "HTTP {status} instead of {code}: {answer}");
    ensure!(answer["message"] == message && told.contains(cause), "not {message:?}: {cause:?}, but {answer}");
    stage.serves(first).await
}

#[apply(every_system)]
#[tokio::test]
async fn bad_input_has_its_code_and_cause_and_the_old_version_serves(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let first = stage.deploy().await?;
        stage.serves(&first).await?;
        // from here on a deploy that should not be would change what serves
        stage.checkout.commit_all("Not to be deployed").await?;
        stage.push().await?;
        what_cannot_be_read(stage, &first).await.context("what cannot be read")?;
        what_is_not_there(stage, &first).await.context("what is not there")?;
        names_and_passwords(stage, &first).await.context("names and passwords")?;
        a_port_of_somebody_else(stage, &first).await.context("a port of somebody else")?;
        a_git_host_that_is_gone(stage, &first).await.context("a git host that is gone")?;
        a_key_that_is_refused(stage, &first).await.context("a key that is refused")?;

        stage.checkout.commit_all("To be deployed").await?;
        let last = stage.deploy().await?;
        ensure!(last != first);
        stage.serves(&last).await
    })
    .await
}

async fn what_cannot_be_read(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let (api, secret) = (stage.api()?, &stage.access.webhook_secret);
    let webhook = async |body: &[u8]| {
        let post = GITHUB.body(body, secret);
        let headers: Vec<(&str, &str)> = post.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        api.post_raw(&post.path, &headers, post.body).await
    };
    let large = webhook(&vec![b' '; 10_000_000]).await?;
    refused(stage, first, large, (413, "the webhook was refused", "the body has more than 1048576 bytes")).await?;
    refused(stage, first, webhook(BROKEN).await?, (400, "read the webhook of GitHub", BROKEN_AT)).await?;

    let bearer = format!("Bearer {}", stage.access.token);
    for path in ["/up", "/env", "/user/add", "/user/login"] {
        let answer = api.post_raw(path, &[("authorization", &bearer)], BROKEN.to_vec()).await?;
        refused(stage, first, answer, (400, "read the body as JSON", BROKEN_AT)).await.context(path)?;
    }
    Ok(())
}

async fn what_is_not_there(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let answer = stage.up(json!({ "build_type": "make" })).await?;
    let known = "there are dockerfile, compose, procfile, auto";
    refused(stage, first, answer, (400, "unknown build type \"make\"", known)).await?;
    let answer = stage.up(json!({ "build_type": "dockerfile", "build_file_path": "docker/none" })).await?;
    refused(stage, first, answer, (400, "build type dockerfile", "the repository holds no docker/none")).await
}

async fn names_and_passwords(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let api = stage.api()?;
    let (long_name, long_password) = ("a".repeat(100_000), "0123456789".repeat(100_000));
    let wrong = (401, "log in", "the user name or the password is wrong");
    let missing = (400, "log in", "username or password is missing");
    let too_large = (413, "payload too large", "length limit exceeded");
    for (path, name, password, told) in [
        ("/user/login", "", "correct horse", missing),
        ("/user/login", "ann", "", missing),
        ("/user/login", &long_name, "correct horse", wrong),
        ("/user/login", "ann", &long_password, wrong),
        ("/user/login", "ann", &long_password.repeat(2), too_large),
        ("/user/add", "", "correct horse", (400, "the user name", "it has 0 characters; 3 to 64 are allowed")),
        ("/user/add", &long_name, "correct horse", (400, "the user name", "it has 100000 characters; 3 to 64")),
        ("/user/add", "ann", &long_password, (400, "the password", "it has 1000000 characters; 8 to 256 are allowed")),
    ] {
        let answer = api.as_admin("POST", path, Some(&json!({ "username": name, "password": password }))).await?;
        refused(stage, first, answer, told).await.with_context(|| format!("{path} of {name:.9}"))?;
    }
    // clients of Inertia send more than is read
    let ann = json!({ "username": "ann", "password": "correct horse", "colour": "red" });
    let (status, answer) = api.as_admin("POST", "/user/add", Some(&ann)).await?;
    ensure!(status == 201, "an unknown field: HTTP {status}: {answer}");
    let (status, answer) = api.send("POST", "/user/login", None, Some(&ann)).await?;
    ensure!(status == 200 && answer["data"]["token"].is_string(), "an unknown field: HTTP {status}: {answer}");
    Ok(())
}

async fn a_port_of_somebody_else(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let theirs = "docker run --detach --name theirs --publish 9090:9090 debian:12 sleep infinity";
    stage.vps().ssh().await?.run(theirs).await?;
    stage.checkout.write("project.toml", "build_type = \"dockerfile\"\nport = 9090\n")?;
    stage.checkout.commit_all("Take another port").await?;
    stage.push().await?;
    let answer = stage.up(json!({})).await?;
    let cause = "port 9090 is taken by something else on this machine (free the port, or give the project another one";
    refused(stage, first, answer, (409, "open port 9090", cause)).await?;
    let running = stage.vps().ssh().await?.run("docker inspect --format '{{.State.Running}}' theirs").await?;
    ensure!(running.stdout_text().trim() == "true", "their container does not run any more");
    stage.checkout.git(&["revert", "--no-edit", "HEAD"]).await?;
    Ok(())
}

async fn a_git_host_that_is_gone(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let fetch = format!("fetch main of {}", stage.git.remote(&stage.project.name));
    stage.git.stop().await?;
    let answer = timeout(UNREACHABLE, stage.up(json!({}))).await.context("no answer by the deadline")??;
    refused(stage, first, answer, (504, &fetch, "(is the git host reachable from here?)")).await?;
    Ok(stage.git.start_again().await?)
}

async fn a_key_that_is_refused(stage: &Stage<'_>, first: &str) -> anyhow::Result<()> {
    let fetch = format!("fetch main of {}", stage.git.remote(&stage.project.name));
    let key = &stage.access.deploy_key;
    stage.git.forget(key).await?;
    let (status, answer) = stage.up(json!({})).await?;
    ensure!(answer["data"]["public_key"] == key.as_str(), "not the deploy key {key}: {answer}");
    ensure!(answer["error"].as_str().is_some_and(|told| told.contains("Permission denied (publickey)")), "{answer}");
    let hint = "(let the deploy key of this machine read the repository)";
    refused(stage, first, (status, answer), (412, &fetch, hint)).await?;
    stage.register().await
}
