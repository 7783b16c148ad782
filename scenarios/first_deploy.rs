//! From a bare VPS to a deployed application: bootstrap, deploy key, first deploy.

use anyhow::{Context, bail, ensure};
use harness::catalog::Arch;
use harness::deployer::{Ability, Bootstrapped, Deployd, Deployer};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{AnyTool, Scenario, on_a_bare_vps, on_any_unknown_stage};

/// The image of what runs already, or else one that has to be fetched.
const SOME_IMAGE: &str = "image=$(docker ps -q | head -n 1 | xargs -r docker inspect --format '{{.Image}}'); \
                          image=${image:-debian:12}";

/// What must be the same after a second bootstrap: key, secret, daemon, engine packages.
async fn installed(it: &Scenario) -> anyhow::Result<String> {
    let look = "cat /var/lib/deployd/deploy_key.pub; \
                docker ps --no-trunc --format '{{.ID}} {{.Names}}'; \
                stat --format '%n %Z' /usr/bin/docker /usr/sbin/dockerd /usr/bin/dockerd 2>/dev/null; true";
    Ok(it.vps.ssh().await?.run(look).await?.stdout_text().into_owned())
}

/// Checks what deployd's bootstrap tells, and that its status tells the version.
async fn told(it: &Scenario, deployd: &Deployd, access: &Bootstrapped) -> anyhow::Result<()> {
    ensure!(access.deploy_key.starts_with("ssh-ed25519 "), "deploy key: {}", access.deploy_key);
    ensure!(access.webhook_url.contains(&it.vps.info().address.to_string()), "webhook: {}", access.webhook_url);
    ensure!(access.webhook_secret.len() >= 32, "webhook secret: {} characters", access.webhook_secret.len());
    let status = deployd.status(&it.vps, access).await?;
    ensure!(!status.version.is_empty() && status.version == access.version, "{status:?}");
    Ok(())
}

/// What the engine runs is of the cell's architecture, as is the VPS; the engine itself may be the host's, with emulation.
async fn of_the_vpss_architecture(it: &Scenario) -> anyhow::Result<()> {
    let look = "docker inspect --format '{{.Architecture}}' \"$image\"; \
                docker run --rm --entrypoint uname \"$image\" -m; uname -m";
    let said = it.vps.ssh().await?.run(&format!("{SOME_IMAGE}; {look}")).await?.stdout_text().into_owned();
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let [image, inside, outside] = lines[..] else { bail!("not three words: {said}") };
    // as engines call it
    let expected = match it.env.arch() {
        Arch::Amd64 => "amd64",
        Arch::Arm64 => "arm64",
        Arch::Armhf => "arm",
    };
    ensure!(image == expected, "a cell of {}, and the daemon's image is of {image}", it.env.arch());
    ensure!(inside == outside, "uname -m says {outside}, and {inside} in a container");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn a_bare_vps_gets_the_daemon_and_a_second_run_changes_nothing(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_bare_vps(os, version, async |it| {
        let bare = it.vps.ssh().await?.exec("command -v docker dockerd").await?;
        ensure!(!bare.success(), "the VPS is not bare: {bare:?}");

        let tool = AnyTool::of(it).await?;
        let access = tool.bootstrap(it).await?;
        if let (AnyTool::Deployd(deployd), Some(access)) = (&tool, &access) {
            told(it, deployd, access).await?;
        }

        let nested = "docker run --rm --entrypoint sh \"$image\" -c 'echo from a nested container'";
        let said = it.vps.ssh().await?.run(&format!("{SOME_IMAGE}; {nested}")).await?;
        ensure!(said.stdout_text().trim() == "from a nested container", "{said:?}");

        of_the_vpss_architecture(it).await?;

        let before = installed(it).await?;
        let again = tool.bootstrap(it).await?;
        ensure!(before == installed(it).await?, "the second bootstrap changed something:\n{before}");
        if let (AnyTool::Deployd(deployd), Some(access), Some(again)) = (&tool, access, again) {
            ensure!((&again.deploy_key, &again.webhook_secret) == (&access.deploy_key, &access.webhook_secret));
            deployd.status(&it.vps, &again).await.context("the token of the second bootstrap")?;
        }
        Ok(())
    })
    .await
}

#[apply(every_system)]
#[tokio::test]
async fn an_unknown_deploy_key_is_refused_and_a_registered_one_serves_the_pushed_commit(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_any_unknown_stage((os, version), "dockerfile-web", &[Ability::DeployKey, Ability::Status], async |stage| {
        let refused = stage.deploy().await.err().context("a deploy with an unknown key succeeded")?.to_string();
        let key = stage.deploy_key().context("the bootstrap told no deploy key")?;
        let key = key.split(' ').nth(1).unwrap_or_default();
        // the code is that of deployd's interface
        let coded = stage.deployds().is_none() || refused.contains("HTTP 412");
        ensure!(coded && refused.contains(key), "no 412 with the public key: {refused}");

        stage.register().await?;
        let first = stage.deploy().await?;
        let page = stage.page().await?;
        ensure!(page.contains(&first), "the page does not tell commit {first}: {page}");
        ensure!(stage.status_commit().await? == first);

        stage.checkout.write("note.txt", "a second version")?;
        let second = {
            stage.checkout.commit_all("Change it").await?;
            stage.deploy().await?
        };
        let page = stage.page().await?;
        ensure!(first != second && page.contains(&second), "the page does not tell commit {second}: {page}");
        ensure!(stage.status_commit().await? == second);
        Ok(())
    })
    .await
}
