//! A VPS answers like a rented server, and differs only as the README says.

use std::time::Duration;

use anyhow::ensure;
use harness::catalog::Init;
use harness::likeness::{LikenessList, examine};
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Scenario, on_a_vps};

#[apply(every_system)]
#[tokio::test]
async fn a_vps_answers_every_point_of_the_list_like_a_server(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        booted(it).await?;
        let deviations = examine(&it.vps, &it.env, &LikenessList::built_in()?).await?;
        let told: Vec<String> = deviations.iter().map(ToString::to_string).collect();
        ensure!(told.is_empty(), "{} deviations from a real server:\n\n{}", told.len(), told.join("\n\n"));
        Ok(())
    })
    .await
}

/// Waits until the boot is over; how it ended is a point of the list.
async fn booted(it: &Scenario) -> anyhow::Result<()> {
    if it.vps.info().init != Init::Systemd {
        return Ok(());
    }
    let session = it.vps.ssh().await?;
    let over = wait_until(Duration::from_mins(1), "the boot to be over", || async {
        match session.exec("systemctl is-system-running").await {
            Ok(output) if ["running", "degraded"].contains(&output.stdout_text().trim()) => Seen::Ready(()),
            Ok(output) => Seen::NotYet(output.stdout_text().into_owned()),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(over.await?)
}
