//! A rolling deploy: several servers behind a balancer, updated one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::Vps;
use harness::deployer::{Bootstrapped, Deployer};
use harness::probe::{self, Continuous, Options};
use harness::ssh::Exec;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Stage, commit_of, fixture, on_a_stage, say};

/// How long the balancer may take to see and use what is there.
const DEADLINE: Duration = Duration::from_mins(1);

/// A server: a VPS with the daemon on it.
type Server<'a> = (&'a Vps, &'a Bootstrapped);

/// Deploys what was pushed to one server.
async fn deploy(stage: &Stage<'_>, (vps, access): Server<'_>) -> anyhow::Result<()> {
    Ok(stage.deployd.deploy(vps, access, &stage.project, &stage.source(), &say).await?)
}

/// Makes a VPS the balancer before servers that it knows by name.
async fn set_up(balancer: &Vps, servers: [&Vps; 3]) -> anyhow::Result<()> {
    let ssh = balancer.ssh().await?;
    ssh.run("mkdir -p /etc/haproxy").await?;
    ssh.upload(&fixture("balancer/haproxy.cfg"), "/etc/haproxy/haproxy.cfg").await?;
    let setup = std::fs::read(fixture("balancer/setup")).context("read projects/balancer/setup")?;
    let names = servers.map(|vps| vps.info().name.as_str()).join(" ");
    ssh.run_with(&format!("sh -s {names}"), Exec::new().stdin(setup)).await?;
    Ok(())
}

/// Waits until the balancer's own checks have found so many healthy servers.
async fn healthy(balancer: &Vps, servers: usize) -> anyhow::Result<()> {
    let ssh = balancer.ssh().await?;
    let found = wait_until(DEADLINE, format!("the balancer to find {servers} healthy servers"), || async {
        match ssh.run("curl -sSf 'http://127.0.0.1:8404/;csv' | grep '^servers,'").await {
            Ok(told) => {
                let told = told.stdout_text().into_owned();
                let is_healthy = |line: &&str| line.contains(",UP,") && line.contains("L7OK,");
                let count = told.lines().filter(is_healthy).count();
                if count == servers { Seen::Ready(()) } else { Seen::NotYet(told) }
            }
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(found.await?)
}

/// Which containers have answered with which commit.
#[derive(Clone, Default)]
struct Answered(Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>);

impl Answered {
    /// Takes a page; answers how many containers of another commit than `first` have answered by now.
    fn take(&self, page: &str, first: &str) -> usize {
        let host = page.lines().find_map(|line| line.strip_prefix("host ")).unwrap_or(page).to_owned();
        let mut answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answered.entry(commit_of(page)).or_default().insert(host);
        answered.iter().filter(|(commit, _)| *commit != first).map(|(_, hosts)| hosts.len()).sum()
    }

    /// Waits until so many containers of a commit have answered.
    async fn wait(&self, commit: &str, servers: usize) -> anyhow::Result<()> {
        let all = wait_until(DEADLINE, format!("{servers} servers to answer with {commit}"), || async {
            let answered = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let count = answered.get(commit).map_or(0, BTreeSet::len);
            if count == servers { Seen::Ready(()) } else { Seen::NotYet(format!("{answered:?}")) }
        });
        Ok(all.await?)
    }
}

async fn roll(stage: &Stage<'_>, servers: [Server<'_>; 3], balancer: &Vps) -> anyhow::Result<()> {
    let first = stage.checkout.head().await?;
    let (answered, begun) = (Answered::default(), first.clone());
    let counted = answered.clone();
    let new = move |page: &str| format!("{} new", counted.take(page, &begun));
    let probe = Continuous::start(balancer, &stage.project, &Options::default(), new)?;
    answered.wait(&first, servers.len()).await?;

    let second = stage.checkout.commit_all("Change nothing").await?;
    stage.push().await?;
    for (updated, server) in servers.into_iter().enumerate() {
        deploy(stage, server).await?;
        // the next one's turn comes when this one is asked again
        answered.wait(&second, updated + 1).await?;
    }
    let report = probe.stop().await;
    ensure!(report.failed() == 0, "{report}");
    ensure!(report.versions() == ["0 new", "1 new", "2 new", "3 new"], "{report}");
    for (vps, access) in servers {
        let page = probe::healthy(vps, &stage.project, DEADLINE).await?.body;
        let status = stage.deployd.status(vps, access).await?.commit_hash;
        let subject = vps.subject();
        ensure!(page.contains(&second) && status == second, "{subject} serves {status}, not {second}: {page}");
    }
    Ok(())
}

/// Three servers behind `HAProxy` are updated one after the other while somebody asks through it all the time: not one request
/// fails, and in the end all three are asked and serve the new commit.
#[apply(every_system)]
#[tokio::test]
async fn a_rolling_deploy_over_three_servers_behind_a_balancer_fails_no_request(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let env = stage.env();
        let ready = stage.deployd.ready_vps(env, env.system(os, version)?).await?;
        let (two, three, balancer) =
            tokio::try_join!(ready.clone().start(env), ready.start(env), env.vps(os, version)?.start(env))?;
        let result = async {
            stage.push().await?;
            let first = async || deploy(stage, (stage.vps(), &stage.access)).await;
            let further = async |vps| {
                let access = stage.bootstrap_on(vps).await?;
                deploy(stage, (vps, &access)).await?;
                anyhow::Ok(access)
            };
            let named = [stage.vps(), &two, &three];
            let (access_two, access_three, (), ()) =
                tokio::try_join!(further(&two), further(&three), first(), set_up(&balancer, named))?;
            healthy(&balancer, named.len()).await?;
            let servers = [(stage.vps(), &stage.access), (&two, &access_two), (&three, &access_three)];
            roll(stage, servers, &balancer).await
        };
        let result = Box::pin(result).await;
        for vps in [two, three, balancer] {
            vps.close().await?;
        }
        result
    })
    .await
}
