//! A reboot of the VPS loses nothing: daemon, application and commit return by themselves, on the same address.

use std::time::Duration;

use anyhow::ensure;
use harness::deployer::Deployer;
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::on_a_stage;

#[apply(every_system)]
#[tokio::test]
async fn daemon_application_and_commit_return_after_a_reboot(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let commit = stage.deploy().await?;
        ensure!(stage.page().await?.contains(&commit));

        let boot = "cut -d. -f1 /proc/1/stat; stat --format %Z /proc/1";
        let before = stage.vps().ssh().await?.run(boot).await?.stdout_text().into_owned();
        // the connection ends with the machine: how this command ends is not the point
        let _ = stage.vps().ssh().await?.exec("systemctl reboot || reboot").await;
        let rebooted = wait_until(Duration::from_secs(90), "the VPS to come back", || async {
            let Ok(session) = stage.vps().ssh_within(Duration::from_secs(20)).await else {
                return Seen::NotYet("no login".to_owned());
            };
            match session.exec(boot).await {
                Ok(output) if output.success() && output.stdout_text() != before => Seen::Ready(()),
                Ok(_) => Seen::NotYet("still the old boot".to_owned()),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        rebooted.await?;

        let page = stage.page().await?;
        ensure!(page.contains(&commit), "after the reboot the page does not tell commit {commit}: {page}");
        let status = wait_until(Duration::from_mins(1), "the daemon to answer", || async {
            match stage.deployd.status(stage.vps(), &stage.access).await {
                Ok(status) => Seen::Ready(status),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        ensure!(status.await?.commit_hash == commit);
        Ok(())
    })
    .await
}
