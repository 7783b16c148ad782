//! kill -9 of the container engine at random moments of deploys and changes, and of the application: they come back with all
//! that the daemon had acknowledged.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::Fault;
use harness::catalog::Init;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;

use crate::daemon_killed::{Acknowledged, round, settled};
use crate::every_system;
use crate::support::{Stage, on_a_stage, output_of};

/// How often the engine is killed.
const KILLS: usize = 2;

/// The process of the application, as its machine numbers it.
async fn process(stage: &Stage<'_>) -> anyhow::Result<String> {
    let ask = "docker inspect --format '{{.State.Pid}}' $(docker ps -q --filter label=deployd.role=app)";
    output_of(stage.vps(), ask).await
}

/// Kills the engine, and with it the daemon. What systemd does then by itself, somebody does where there is none.
async fn kill_the_engine(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.vps().inject(stage.env(), Fault::EngineKilled).await?;
    if stage.vps().info().init == Init::Sshd { Ok(stage.vps().clear(stage.env()).await?) } else { Ok(()) }
}

/// Kills the application, and sees that another process of the same version serves.
async fn kill_the_application(stage: &Stage<'_>, serves: &str) -> anyhow::Result<()> {
    let before = process(stage).await?;
    stage.vps().ssh().await?.run(&format!("kill -9 {before}")).await?;
    let again = wait_until(Duration::from_mins(1), "the application to be started again", || async {
        match process(stage).await {
            Ok(now) if now != before && now != "0" => Seen::Ready(()),
            Ok(now) => Seen::NotYet(format!("process {now}")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    again.await?;
    stage.serves(serves).await
}

#[apply(every_system)]
#[tokio::test]
async fn an_engine_and_an_application_that_are_killed_come_back_and_nothing_acknowledged_is_lost(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let mut serves = stage.deploy().await?;
        kill_the_application(stage, &serves).await?;
        let mut acknowledged = Acknowledged::default();
        for number in 0..KILLS {
            let kill = async || kill_the_engine(stage).await;
            let killed = round(stage, number, &serves, &mut acknowledged, kill).await;
            serves = killed.with_context(|| format!("kill {number}"))?;
        }
        ensure!(!acknowledged.is_empty(), "no change was acknowledged: nothing was tested");
        let last = stage.deploy().await?;
        ensure!(settled(stage, 1).await? == last, "after {KILLS} kills {last} does not serve");
        Ok(())
    })
    .await
}
