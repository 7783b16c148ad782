//! kill -9 of the daemon at random moments of deploys and changes, and in the middle of an update in place: it comes back
//! with all that it had acknowledged, and no half deploy serves. `DEPLOYD_KILLS` says how many times it is killed at random;
//! a hundred by hand, a few in the matrix.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::deployer::Deployer;
use harness::probe::{self, Continuous};
use harness::project::MAIN_BRANCH;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::compose::{patient, visits};
use crate::every_system;
use crate::support::{Stage, commit_of, on_a_stage, say};

/// How often the daemon is killed if nobody says otherwise.
const KILLS: usize = 3;
/// A deploy of the fixture takes about this long: most kills hit it in one of its stages.
pub const LATEST_MILLISECONDS: u32 = 3000;

/// What the daemon acknowledged.
#[derive(Default)]
pub struct Acknowledged {
    variables: Vec<String>,
    users: Vec<String>,
}

impl Acknowledged {
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }
}

/// Lets so many milliseconds pass on the VPS.
pub async fn pass(stage: &Stage<'_>, after: u32) -> anyhow::Result<()> {
    stage.vps().ssh().await?.run(&format!("sleep {}.{:03}", after / 1000, after % 1000)).await?;
    Ok(())
}

/// Sets variables and adds users until the daemon is gone.
async fn change(stage: &Stage<'_>, round: usize, acknowledged: &mut Acknowledged) -> anyhow::Result<()> {
    let api = stage.api()?;
    for number in 0.. {
        let variable = format!("ROUND_{round}_{number}");
        let body = json!({ "name": variable, "value": "x", "encrypt": number % 2 == 0 });
        let Ok((status, answer)) = api.as_admin("POST", "/env", Some(&body)).await else { return Ok(()) };
        ensure!(status == 202, "set {variable}: {status} {answer}");
        acknowledged.variables.push(variable);
        let user = format!("user-{round}-{number}");
        let body = json!({ "username": user, "password": "correct horse" });
        let Ok((status, answer)) = api.as_admin("POST", "/user/add", Some(&body)).await else { return Ok(()) };
        ensure!(status == 201, "add {user}: {status} {answer}");
        acknowledged.users.push(user);
    }
    Ok(())
}

/// Waits until the daemon answers again, and what it says is deployed is what serves, in so many containers.
pub async fn settled(stage: &Stage<'_>, containers: usize) -> anyhow::Result<String> {
    let settled = wait_until(Duration::from_mins(3), "one version to serve, which the daemon knows", || async {
        let commit = match stage.status_commit().await {
            Ok(commit) => commit,
            Err(error) => return Seen::NotYet(error.to_string()),
        };
        let page = probe::ask(stage.vps(), &stage.project).await;
        if !page.ok || !page.body.contains(&commit) {
            return Seen::NotYet(format!("status {commit}, page {:?} {}", page.http_status, page.body));
        }
        let count = async {
            let list = "docker ps -aq --filter label=deployd.role=app";
            Ok::<_, anyhow::Error>(stage.vps().ssh().await?.run(list).await?.stdout_text().lines().count())
        };
        match count.await {
            Ok(count) if count == containers => Seen::Ready(commit),
            Ok(count) => Seen::NotYet(format!("{count} containers of the application")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(settled.await?)
}

/// Checks that everything that was acknowledged is there.
async fn nothing_is_lost(stage: &Stage<'_>, acknowledged: &Acknowledged) -> anyhow::Result<()> {
    let api = stage.api()?;
    let (_, variables) = api.as_admin("GET", "/env", None).await?;
    let variables = variables["data"]["variables"].as_array().context("no variables")?;
    let names: Vec<&str> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    let (_, users) = api.as_admin("GET", "/user/list", None).await?;
    let users = users["data"]["users"].as_array().context("no users")?;
    let users: Vec<&str> = users.iter().filter_map(Value::as_str).collect();
    for name in &acknowledged.variables {
        ensure!(names.contains(&name.as_str()), "the variable {name} was acknowledged and is lost: {names:?}");
    }
    for name in &acknowledged.users {
        ensure!(users.contains(&name.as_str()), "the user {name} was acknowledged and is lost: {users:?}");
    }
    Ok(())
}

/// Changes and deploys while something is killed, at a random moment, that ends the daemon; answers what serves after that.
pub async fn round(
    stage: &Stage<'_>,
    round: usize,
    before: &str,
    acknowledged: &mut Acknowledged,
    kill: impl AsyncFnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    stage.checkout.write("note.txt", format!("round {round}"))?;
    stage.checkout.commit_all("Change it").await?;
    let new = stage.checkout.head().await?;
    stage.push().await?;
    let after = rand::random_range(0..LATEST_MILLISECONDS);
    let api = stage.api()?;
    let body = json!({ "git_options": { "branch": MAIN_BRANCH } });
    let up = async { Ok::<_, anyhow::Error>(api.as_admin("POST", "/up", Some(&body)).await.ok()) };
    let kill = async {
        pass(stage, after).await?;
        kill().await
    };
    let (up, (), ()) = tokio::try_join!(up, kill, change(stage, round, acknowledged))?;

    let serves = settled(stage, 1).await?;
    let code = up.map(|(code, _)| code);
    say(&format!(
        "killed after {after} ms: /up {code:?}, {} serves",
        if serves == new { "the new" } else { "the old" }
    ));
    ensure!(serves == new || serves == before, "{serves} serves, neither {before} nor {new}");
    ensure!(code != Some(201) || serves == new, "{new} was acknowledged and {serves} serves");
    nothing_is_lost(stage, acknowledged).await?;
    Ok(serves)
}

#[apply(every_system)]
#[tokio::test]
async fn a_daemon_that_is_killed_comes_back_with_all_that_it_acknowledged(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    let kills = std::env::var("DEPLOYD_KILLS").ok().map_or(Ok(KILLS), |number| number.parse())?;
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let mut serves = stage.deploy().await?;
        let mut acknowledged = Acknowledged::default();
        for number in 0..kills {
            // an engine waits twice as long before each restart of what keeps dying; one by hand is a new beginning
            stage.restart_daemon().await?;
            let killed = round(stage, number, &serves, &mut acknowledged, async || stage.kill_daemon().await).await;
            serves = killed.with_context(|| format!("kill {number}"))?;
        }
        ensure!(!acknowledged.is_empty(), "no change was acknowledged: nothing was tested");
        let last = stage.deploy().await?;
        ensure!(stage.page().await?.contains(&last), "after {kills} kills {last} cannot be deployed");
        Ok(())
    })
    .await
}

/// Deploys a version that never becomes healthy, and kills the daemon when it says that it has come so far.
async fn killed_at(stage: &Stage<'_>, moment: &str) -> anyhow::Result<()> {
    let (come, has_come) = oneshot::channel();
    let come = Mutex::new(Some(come));
    let take = || come.lock().ok().and_then(|mut come| come.take());
    let on_line = |line: &str| {
        say(line);
        if line.contains(moment) {
            // a line may come again; once is enough
            let _ = take().map(|come| come.send(()));
        }
    };
    let source = stage.source();
    let deploy = async {
        let ended = stage.deployd.deploy(stage.vps(), &stage.access, &stage.project, &source, &on_line).await;
        drop(take());
        ended
    };
    let kill = async {
        has_come.await.with_context(|| format!("the deploy ended before it said {moment:?}"))?;
        stage.kill_daemon().await
    };
    let (deployed, killed) = tokio::join!(deploy, kill);
    killed.with_context(|| format!("{deployed:?}"))?;
    ensure!(deployed.is_err(), "the deploy succeeded");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn a_kill_in_the_middle_of_an_update_in_place_is_undone(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "compose-web-db", async |stage| {
        let first = stage.deploy().await?;
        let before = visits(&stage.page().await?)?;
        let probe = Continuous::start(stage.vps(), &stage.project, &patient(), commit_of)?;
        let unhealthy = "build_type = \"compose\"\nport = 8080\n[health]\ncontains = \"nobody says\"\n";
        stage.checkout.write("project.toml", unhealthy)?;
        stage.checkout.commit_all("Never be healthy").await?;
        stage.push().await?;
        // the port is held; services are being replaced; the new ones run
        for moment in ["starting the services", "Recreating", "waiting up to"] {
            killed_at(stage, moment).await?;
            let serves = settled(stage, 2).await.with_context(|| format!("killed at {moment:?}"))?;
            ensure!(serves == first, "killed at {moment:?}: {serves} serves");
        }
        let report = probe.stop().await;
        ensure!(report.failed() == 0 && report.versions() == [&first], "{report}");

        stage.checkout.git(&["revert", "--no-edit", "HEAD"]).await?;
        let last = stage.deploy().await?;
        stage.serves(&last).await?;
        let after = visits(&stage.page().await?)?;
        ensure!(after > before, "the database lost its data: {before} visits before, now {after}");
        Ok(())
    })
    .await
}
