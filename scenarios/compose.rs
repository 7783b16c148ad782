//! Compose projects: several services, a volume that stays, a bad file that changes nothing; and nobody is refused.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::deployer::Ability;
use harness::probe::{Continuous, Options};
use rstest_reuse::apply;

use crate::environment::{keeps_the_secret, set_a_secret};
use crate::every_system;
use crate::support::{commit_of, on_any_stage};

/// How a probe asks a compose project: a connection that comes in the middle of an update may wait for three minutes, and
/// has to be answered then.
pub fn patient() -> Options {
    Options { deadline: Duration::from_mins(4), ..Options::default() }
}

/// How often the fixture was asked, by its database.
pub fn visits(page: &str) -> anyhow::Result<u64> {
    let line = page.lines().find_map(|line| line.strip_prefix("visits ")).context("the page tells no visits")?;
    Ok(line.parse()?)
}

#[apply(every_system)]
#[tokio::test]
async fn a_compose_project_keeps_its_volume_survives_a_bad_file_and_refuses_nobody(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_any_stage((os, version), "compose-web-db", &[], async |stage| {
        if let Some(own) = stage.deployds() {
            set_a_secret(own).await?;
        }
        let first = stage.deploy().await?;
        let page = stage.page().await?;
        ensure!(page.contains(&first), "the page does not tell commit {first}: {page}");
        let before = visits(&page)?;
        if let Some(own) = stage.deployds() {
            let (_, status) = own.api()?.as_admin("GET", "/status", None).await?;
            let containers = status["data"]["status"]["containers"].as_array().map_or(0, Vec::len);
            ensure!(containers == 2, "not two services: {status}");
            keeps_the_secret(own).await?;
        }
        let probe = Continuous::start(stage.vps(), &stage.project, &patient(), commit_of)?;

        stage.checkout.write("docker-compose.yml", "services:\n  web:\n    bild: web\n")?;
        stage.checkout.commit_all("Break it").await?;
        let refused = stage.deploy().await.err().context("a bad compose file was deployed")?.to_string();
        ensure!(refused.contains("'bild'"), "the cause is not named: {refused}");
        ensure!(stage.page().await?.contains(&first), "the old version does not serve any more");

        stage.checkout.git(&["revert", "--no-edit", "HEAD"]).await?;
        let second = stage.deploy().await?;
        let page = stage.page().await?;
        ensure!(first != second && page.contains(&second), "the page does not tell commit {second}: {page}");
        ensure!(visits(&page)? > before, "the database lost its data: {before} visits before, now {page}");

        let mut versions = vec![&first, &second];
        if stage.is_able(Ability::Rollback) {
            stage.roll_back().await?;
            let page = stage.page().await?;
            ensure!(page.contains(&first) && visits(&page)? > before, "the rollback does not serve {first}: {page}");
            versions.push(&first);
        }
        let report = probe.stop().await;
        ensure!(report.failed() == 0, "{report}");
        ensure!(report.versions() == versions, "{report}");
        Ok(())
    })
    .await
}
