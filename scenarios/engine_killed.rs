//! kill -9 of the container engine at random moments of deploys and changes, and of the application: they come back with all
//! that the daemon had acknowledged.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::Fault;
use harness::catalog::Init;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;

use crate::daemon_killed::{Acknowledged, LATEST_MILLISECONDS, pass, round, settled};
use crate::every_system;
use crate::support::{Stage, on_a_stage, output_of};

/// How often the engine is killed.
const KILLS: usize = 2;

/// The process of what has a role, as its machine numbers it; of several, one.
async fn process(stage: &Stage<'_>, role: &str) -> anyhow::Result<String> {
    let container = format!("$(docker ps -q --filter label=deployd.role={role} | head -n 1)");
    output_of(stage.vps(), &format!("docker inspect --format '{{{{.State.Pid}}}}' {container}")).await
}

/// Adds the address of what serves, once the version before it has gone, and answers its commit. No address is given again
/// so soon: an engine that is killed in the middle of a start may leave something that answers at the new version's.
async fn another_address(stage: &Stage<'_>, addresses: &mut Vec<String>) -> anyhow::Result<String> {
    let serves = settled(stage, 1).await?;
    let container = "$(docker ps -q --filter label=deployd.role=app)";
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = output_of(stage.vps(), &format!("docker inspect --format '{format}' {container}")).await?;
    ensure!(!addresses.contains(&address), "{address} was given again, after {addresses:?}");
    addresses.push(address);
    Ok(serves)
}

/// Kills the engine, and with it the daemon. What systemd does then by itself, somebody does where there is none.
async fn kill_the_engine(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.vps().inject(stage.env(), Fault::EngineKilled).await?;
    if stage.vps().info().init == Init::Sshd { Ok(stage.vps().clear(stage.env()).await?) } else { Ok(()) }
}

/// Kills what has a role, and sees that it is started again.
async fn kill(stage: &Stage<'_>, role: &str) -> anyhow::Result<()> {
    let before = process(stage, role).await?;
    // one that has ended by itself meanwhile has been followed by another
    stage.vps().ssh().await?.exec(&format!("kill -9 {before}")).await?;
    let again = wait_until(Duration::from_mins(1), format!("the {role} to be started again"), || async {
        match process(stage, role).await {
            Ok(now) if now != before && now != "0" => Seen::Ready(()),
            Ok(now) => Seen::NotYet(format!("process {now}")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(again.await?)
}

/// Kills the application at some moment of a deploy, be it the old version or the new one.
async fn kill_in_a_deploy(stage: &Stage<'_>, before: &str) -> anyhow::Result<()> {
    stage.checkout.commit_all("Change nothing").await?;
    let kill = async {
        pass(stage, rand::random_range(0..LATEST_MILLISECONDS)).await?;
        kill(stage, "app").await
    };
    let (deployed, killed) = tokio::join!(stage.deploy(), kill);
    killed?;
    let (serves, new) = (settled(stage, 1).await?, stage.checkout.head().await?);
    ensure!(serves == new || serves == before && deployed.is_err(), "{serves} serves after {deployed:?}");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn an_engine_and_an_application_that_are_killed_come_back_and_nothing_acknowledged_is_lost(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let mut serves = stage.deploy().await?;
        let mut addresses = Vec::new();
        another_address(stage, &mut addresses).await?;
        for role in ["app", "edge"] {
            // the daemon would start them, too, and is not always there
            stage.signal_daemon("STOP").await?;
            let killed = kill(stage, role).await;
            stage.signal_daemon("CONT").await?;
            killed.context("while the daemon does nothing")?;
            stage.serves(&serves).await.with_context(|| format!("the {role} was killed"))?;
        }
        kill_in_a_deploy(stage, &serves).await?;
        serves = stage.deploy().await?;
        another_address(stage, &mut addresses).await?;
        let mut acknowledged = Acknowledged::default();
        for number in 0..KILLS {
            let kill = async || kill_the_engine(stage).await;
            let killed = round(stage, number, &serves, &mut acknowledged, kill).await;
            serves = killed.with_context(|| format!("kill {number}"))?;
        }
        ensure!(!acknowledged.is_empty(), "no change was acknowledged: nothing was tested");
        let last = stage.deploy().await?;
        let serves = another_address(stage, &mut addresses).await?;
        ensure!(serves == last, "after {KILLS} kills {last} does not serve");
        Ok(())
    })
    .await
}
