//! Deploys as they were before containers: SSH, git, a service of the machine.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::catalog::Init;
use harness::githost::GitHost;
use harness::probe;
use harness::project::{Checkout, MAIN_BRANCH, Project};
use harness::ssh::{Exec, Output, quote};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Scenario, fixture, on_a_vps, output_of, project};

/// Runs a script of the fixture on the VPS, as its owner does from another machine.
async fn script(it: &Scenario, name: &str, words: &str) -> anyhow::Result<Output> {
    let file = fixture("legacy-systemd").join(name);
    let text = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    Ok(it.vps.ssh().await?.exec_with(&format!("sh -s {words} 2>&1"), Exec::new().stdin(text)).await?)
}

/// Makes the VPS ready for deploys; answers the key that the git host must let in.
async fn set_up(it: &Scenario, git_host: &str) -> anyhow::Result<String> {
    let known = GitHost::known_hosts_line(&it.env, git_host)?;
    let told = script(it, "setup", &quote(&known)).await?;
    ensure!(told.success(), "setup: {}: {}", told.status, told.stdout_text());
    Ok(told.stdout_text().lines().last().context("setup printed no key")?.to_owned())
}

/// What is deployed, and from where.
struct Legacy<'a> {
    it: &'a Scenario,
    git: &'a GitHost,
    project: Project,
    checkout: Checkout,
}

impl Legacy<'_> {
    async fn push(&self) -> anyhow::Result<String> {
        self.git.push(&self.checkout, &self.project.name, MAIN_BRANCH).await?;
        Ok(self.checkout.head().await?)
    }

    /// Deploys the head of the branch, or another commit.
    async fn deploy(&self, commit: &str) -> anyhow::Result<Output> {
        script(self.it, "deploy", &format!("{} {commit}", quote(&self.git.remote(&self.project.name)))).await
    }

    async fn serves(&self, commit: &str) -> anyhow::Result<()> {
        let page = probe::healthy(&self.it.vps, &self.project, Duration::from_secs(30)).await?.body;
        ensure!(page.contains(commit), "the page does not tell commit {commit}: {page}");
        Ok(())
    }

    /// Which process serves: the unit's main one, or what the init script wrote down.
    async fn process(&self) -> anyhow::Result<String> {
        if self.it.vps.info().init == Init::Sshd {
            return output_of(&self.it.vps, "cat /run/legacy/legacy.pid").await;
        }
        let told = output_of(&self.it.vps, "systemctl show --property=ActiveState,MainPID legacy").await?;
        let process = told.lines().find_map(|line| line.strip_prefix("MainPID=")).unwrap_or_default();
        ensure!(told.contains("ActiveState=active") && process != "0", "the unit does not run: {told}");
        Ok(process.to_owned())
    }

    /// Deploys what must succeed, and checks that it serves.
    async fn deploys(&self, words: &str, commit: &str) -> anyhow::Result<()> {
        let told = self.deploy(words).await?;
        ensure!(told.success(), "deploy: {}: {}", told.status, told.stdout_text());
        self.serves(commit).await
    }
}

async fn go(legacy: &Legacy<'_>) -> anyhow::Result<()> {
    let first = legacy.push().await?;
    legacy.deploys("", &first).await?;
    let before = legacy.process().await?;
    legacy.checkout.commit_all("Change nothing").await?;
    let second = legacy.push().await?;
    legacy.deploys("", &second).await?;
    ensure!(legacy.process().await? != before, "the service was not restarted: process {before}");

    legacy.checkout.write("app.py", "raise SystemExit('no database is configured')\n")?;
    legacy.checkout.commit_all("Break it").await?;
    legacy.push().await?;
    let told = legacy.deploy("").await?;
    ensure!(!told.success(), "a service that does not start was deployed: {}", told.stdout_text());
    ensure!(told.stdout_text().contains("no database is configured"), "why is not told: {}", told.stdout_text());
    let answer = probe::ask(&legacy.it.vps, &legacy.project).await;
    ensure!(answer.http_status.is_none(), "somebody serves beside the service: {answer:?}");
    legacy.deploys(&second, &second).await?;

    legacy.checkout.git(&["revert", "--no-edit", "HEAD"]).await?;
    let mended = legacy.push().await?;
    legacy.deploys("", &mended).await?;
    legacy.it.vps.reboot().await?;
    legacy.serves(&mended).await
}

/// A deploy without containers, by SSH, git pull and the restart of a service, serves each pushed commit and returns after a
/// reboot; a version that does not start is an error with its cause, and the commit before it can be brought back.
#[apply(every_system)]
#[tokio::test]
async fn git_pull_and_a_restart_serve_the_commit_and_what_does_not_start_is_told_and_undone(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let name = GitHost::name_for(&it.env, &it.vps.info().name);
        let (git, key) = tokio::join!(GitHost::start(&it.env, &name), set_up(it, &name));
        let git = git?;
        let result = async {
            let project = project("legacy-systemd")?;
            git.create(&project.name).await?;
            git.register(&project.name, &key?).await?;
            let checkout = project.checkout().await?;
            go(&Legacy { it, git: &git, project, checkout }).await
        };
        let result = Box::pin(result).await;
        git.close().await?;
        result
    })
    .await
}
