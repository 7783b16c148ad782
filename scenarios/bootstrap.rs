//! Bootstraps that go wrong half-way, and taking the daemon off again.

use anyhow::{Context, ensure};
use harness::deployer::{Ability, Deployd, Deployer};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{AnyStage, AnyTool, Scenario, on_a_bare_vps, say, tool_can};

/// The ports of the registry that VPSes pull from, one for each architecture.
const REGISTRY: &str = "5000-5004";
const MIRROR: &str = "80";

/// Takes a port of the package mirror's and registry's address out of the VPS's reach; SSH and names go on.
async fn cut(it: &Scenario, port: &str) -> anyhow::Result<()> {
    let address = it.vps.ssh().await?.run("getent ahostsv4 deb.debian.org | cut -d ' ' -f 1 | head -n 1").await?;
    let address = address.stdout_text().trim().to_owned();
    let rule = format!("ip rule add to {address} ipproto 6 dport {port} priority 9 unreachable");
    it.vps.run_in_network(&it.env, &rule.split(' ').collect::<Vec<_>>()).await?;
    Ok(())
}

async fn mend(it: &Scenario) -> anyhow::Result<()> {
    it.vps.run_in_network(&it.env, &["ip", "rule", "del", "priority", "9"]).await?;
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn a_mirror_or_a_registry_out_of_reach_is_named_and_the_next_run_goes_on_from_there(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_bare_vps(os, version, async |it| {
        let tool = AnyTool::of(it).await?;
        cut(it, MIRROR).await?;
        let failed = tool.bootstrap(it).await.err();
        let failed = failed.context("a bootstrap without a package mirror succeeded")?.to_string();
        // what a step is called is up to each tool
        let named = matches!(tool, AnyTool::Other(_)) || failed.contains("step engine: failed");
        ensure!(named, "not the step that failed: {failed}");
        let mirror = it.env.system(os, version)?.mirror.as_ref().context("the catalog names no mirror of it")?;
        let host = mirror.address().split('/').nth(2).context("an address without a host")?;
        ensure!(failed.contains(host), "not the mirror that was out of reach: {failed}");
        mend(it).await?;

        match &tool {
            AnyTool::Deployd(deployd) => without_a_registry(it, deployd).await,
            AnyTool::Other(_) => {
                tool.bootstrap(it).await?;
                it.vps.ssh().await?.run("docker version").await?;
                Ok(())
            }
        }
    })
    .await
}

/// deployd's image comes from a registry.
async fn without_a_registry(it: &Scenario, deployd: &Deployd) -> anyhow::Result<()> {
    cut(it, REGISTRY).await?;
    let failed = deployd.bootstrap(&it.vps, &[], &say).await.err();
    let failed = failed.context("a bootstrap without a registry succeeded")?.to_string();
    ensure!(failed.contains("step image: failed"), "not the step that failed: {failed}");
    let key = it.vps.ssh().await?.run("cat /var/lib/deployd/deploy_key.pub").await?.stdout_text().into_owned();
    mend(it).await?;

    let access = deployd.bootstrap(&it.vps, &[], &say).await?;
    ensure!(access.deploy_key.trim() == key.trim(), "the key of the first run was lost");
    let status = deployd.status(&it.vps, &access).await?;
    ensure!(status.version == access.version, "{status:?}");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn uninstall_leaves_no_container_image_key_or_folder(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_bare_vps(os, version, async |it| {
        tool_can("dockerfile-web", &[Ability::Remove])?;
        let stage = Box::pin(AnyStage::set(it, "dockerfile-web")).await?;
        stage.register().await?;
        stage.deploy().await?;
        stage.page().await?;

        stage.remove().await?;
        let look = "docker ps -aq; docker volume ls -q; docker network ls -q --filter type=custom; \
                    docker images --format '{{.Repository}}:{{.Tag}}' | grep -v '^debian:'; \
                    find / -xdev '(' -path /proc -o -path /var/lib/docker -o -path /var/lib/testvps ')' -prune -o \
                         -iname '*deployd*' -print; ls -d /srv/* 2>/dev/null; true";
        let left = it.vps.ssh().await?.run(look).await?;
        ensure!(left.stdout_text().trim().is_empty(), "this was left: {}", left.stdout_text());
        let engine = it.vps.ssh().await?.run("docker images -q --filter reference=debian").await?;
        ensure!(!engine.stdout_text().trim().is_empty(), "the image that the project is built from is not the tool's");
        stage.close(false).await
    })
    .await
}
