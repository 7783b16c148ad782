//! Staging and production of one project: two servers, each with a branch, tokens, variables and data of its own.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use data_encoding::HEXLOWER;
use harness::Vps;
use harness::deployer::{Api, Bootstrapped};
use harness::wait::{Seen, wait_until};
use harness::{probe, project};
use rstest_reuse::apply;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::access::rules;
use crate::client::Client;
use crate::every_system;
use crate::support::{Stage, from_snapshot, on_a_stage, output_of};

/// The branch that staging follows.
const STAGING_BRANCH: &str = "next";
/// How long an application may take to answer.
const ANSWERS: Duration = Duration::from_mins(1);

/// One of the two servers, as its people see it.
struct Side<'a> {
    /// What the project calls it.
    name: &'a str,
    vps: &'a Vps,
    access: &'a Bootstrapped,
    project: &'a project::Project,
}

impl Side<'_> {
    /// Tells the client where it is and how it is trusted.
    async fn tell(&self, client: &Client, branch: &str) -> anyhow::Result<()> {
        let address = self.vps.info().address.to_string();
        client.done(&["remote", "add", self.name, &address, "--branch", branch]).await?;
        let info = output_of(self.vps, "docker exec deployd deployd info").await?;
        let pin = info.lines().find_map(|line| line.strip_prefix("certificate_sha256=")).context("no fingerprint")?;
        let words = ["remote", "trust", self.name, "--fingerprint", pin, "--token-stdin"];
        let mut trusting = client.command(&words).stdin(Stdio::piped()).spawn()?;
        let mut stdin = trusting.stdin.take().context("no standard input")?;
        stdin.write_all(self.access.token.as_bytes()).await?;
        drop(stdin);
        ensure!(trusting.wait().await?.success(), "the token of {} is not taken", self.name);
        Ok(())
    }

    /// Checks that a commit serves here, with the variable and the data of this side.
    async fn serves(&self, commit: &str) -> anyhow::Result<()> {
        let page = probe::healthy(self.vps, self.project, ANSWERS).await?.body;
        ensure!(page.contains(commit), "{}: {commit} does not serve, but {page}", self.name);
        let mut asked = self.project.clone();
        "/env/MODE".clone_into(&mut asked.settings.health.path);
        asked.settings.health.contains = Some(HEXLOWER.encode(&Sha256::digest(self.name)));
        probe::healthy(self.vps, &asked, ANSWERS).await.with_context(|| format!("{}: its variable", self.name))?;
        let data = output_of(self.vps, "cat /var/lib/deployd/persist/data").await?;
        ensure!(data == self.name, "{}: its data is that of {data:?}", self.name);
        Ok(())
    }

    /// Waits until the version before the one that serves has gone, which no deploy waits for.
    async fn settled(&self) -> anyhow::Result<()> {
        let alone = wait_until(ANSWERS, format!("{}: the version before to go", self.name), || async {
            match output_of(self.vps, "docker ps --all --quiet --filter label=deployd.role=app").await {
                Ok(containers) if containers.lines().count() == 1 => Seen::Ready(()),
                Ok(containers) => Seen::NotYet(containers),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        Ok(alone.await?)
    }

    /// Everything that a deploy could change here.
    async fn everything(&self) -> anyhow::Result<String> {
        self.settled().await?;
        let api = Api::new(self.vps.subject(), self.access)?;
        let mut all = output_of(
            self.vps,
            "docker inspect --format '{{.Name}} {{.Image}} {{.State.StartedAt}}' $(docker ps --all --quiet | sort); \
                 docker volume ls --quiet; grep . /var/lib/deployd/persist/*; cat /var/lib/deployd/src/.git/HEAD",
        )
        .await?;
        for path in ["/status", "/deploys", "/env", "/user/list"] {
            let (status, answer) = api.as_admin("GET", path, None).await?;
            let _ = write!(all, "\n{path}: {status} {}", answer["data"]);
        }
        Ok(all)
    }

    /// Checks that nothing has changed here.
    async fn is_still(&self, before: &str, after: &str) -> anyhow::Result<()> {
        let now = self.everything().await?;
        ensure!(now == before, "{after} changed {}; before:\n{before}\nafter:\n{now}", self.name);
        Ok(())
    }

    /// Checks that the other side's token is none here, whatever is asked for, and that nothing else is the same, either.
    async fn refuses(&self, other: &Side<'_>) -> anyhow::Result<()> {
        let api = Api::new(self.vps.subject(), self.access)?;
        for rule in rules()?.iter().filter(|rule| rule.takes_a_token()) {
            let (status, answer) = rule.ask(&api, Some(&other.access.token)).await?;
            let asked = rule.operation();
            ensure!(status == 401, "{asked} at {} with a token of {}: {status} {answer}", self.name, other.name);
        }
        let secrets = |side: &Side<'_>| {
            let access = side.access;
            [&access.webhook_secret, &access.deploy_key, &access.certificate].map(Clone::clone)
        };
        ensure!(secrets(self).iter().zip(secrets(other)).all(|(one, another)| *one != another), "they share a secret");
        Ok(())
    }
}

/// Brings both sides to the first commit, each with a variable and data of its own.
async fn first_deploys(stage: &Stage<'_>, client: &Client, sides: [(&Side<'_>, &str); 2]) -> anyhow::Result<String> {
    stage.checkout.git(&["remote", "add", "origin", &stage.git.remote(&stage.project.name)]).await?;
    client.done(&["init"]).await?;
    for (side, branch) in sides {
        side.tell(client, branch).await?;
    }
    let first = stage.checkout.commit_all("Name the servers").await?;
    for (side, branch) in sides {
        stage.git.push(&stage.checkout, &stage.project.name, branch).await?;
        client.done(&["env", "set", &format!("MODE={}", side.name), "--remote", side.name]).await?;
        client.done(&["up", "--remote", side.name]).await?;
        let keep = "docker exec $(docker ps --quiet --filter label=deployd.role=app) sh -c 'echo NAME >/persist/data'";
        output_of(side.vps, &keep.replace("NAME", side.name)).await?;
        side.serves(&first).await?;
    }
    Ok(first)
}

async fn apart(stage: &Stage<'_>, production: &Side<'_>, staging: &Side<'_>) -> anyhow::Result<()> {
    let client = Client::new(stage.checkout.path())?;
    let first = first_deploys(stage, &client, [(production, project::MAIN_BRANCH), (staging, STAGING_BRANCH)]).await?;
    let unsaid = client.refused(2, &["up"]).await?;
    ensure!(unsaid.contains("production") && unsaid.contains("staging"), "`up` of nobody knows which: {unsaid}");
    production.refuses(staging).await?;
    staging.refuses(production).await?;

    let before = production.everything().await?;
    let to_staging = async || stage.git.push(&stage.checkout, &stage.project.name, STAGING_BRANCH).await;
    stage.checkout.write("note.txt", "tried first")?;
    let second = stage.checkout.commit_all("Try it first").await?;
    to_staging().await?;
    client.done(&["up", "--remote", "staging"]).await?;
    staging.serves(&second).await?;
    production.is_still(&before, "a deploy to staging").await?;
    production.serves(&first).await?;

    stage.checkout.write("Dockerfile", "FROM debian:12\nRUN exit 7\n")?;
    stage.checkout.commit_all("Break it").await?;
    to_staging().await?;
    client.refused(1, &["up", "--remote", "staging"]).await?;
    staging.serves(&second).await?;
    production.is_still(&before, "a broken deploy to staging").await?;

    // what was tried goes to production, and staging does not notice
    let before = staging.everything().await?;
    stage.checkout.git(&["reset", "--quiet", "--hard", &second]).await?;
    stage.push().await?;
    client.done(&["up", "--remote", "production"]).await?;
    production.serves(&second).await?;
    staging.is_still(&before, "a deploy to production").await?;

    let before = production.everything().await?;
    client.done(&["reset", "--yes", "--remote", "staging"]).await?;
    production.is_still(&before, "the end of staging").await?;
    production.serves(&second).await
}

/// One project on two servers, each with a branch of its own: a deploy to staging, a broken one and a reset change nothing in
/// production; tokens, variables and data of one are unknown to the other; what was tried on staging goes to production.
#[apply(every_system)]
#[tokio::test]
async fn staging_and_production_of_one_project_stay_apart(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let vps = from_snapshot(stage.env(), os, version).await?.with_name("staging").start(stage.env()).await?;
        let both = async {
            let access = stage.bootstrap_on(&vps).await?;
            let project = &stage.project;
            let production = Side { name: "production", vps: stage.vps(), access: &stage.access, project };
            let staging = Side { name: "staging", vps: &vps, access: &access, project };
            Box::pin(apart(stage, &production, &staging)).await
        };
        let result = both.await;
        vps.close().await?;
        result
    })
    .await
}
