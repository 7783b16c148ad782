//! A deploy of a Dockerfile project by the daemon, against git, docker and curl by hand on the same VPS.

use std::time::{Duration, Instant};

use harness::deployer::Deployer;
use harness::probe::healthy;

use super::row::{Comparison, Row};
use super::stage::Stage;

/// What the row is called.
pub const WHAT: &str = "deploy of a Dockerfile project, push to healthy";
const ROUNDS: usize = 7;
/// How long a new version may take to answer after its deploy.
const HEALTHY: Duration = Duration::from_mins(1);

/// The tools that the hand needs and a server may lack.
const TOOLS: &str = "apt-get update && apt-get install --yes --no-install-recommends git curl";
/// The same commit from the same git host with the same key, built by the same engine with the same layers in its cache.
/// Asking without a pause is the quickest that polling can be.
const BY_HAND: &str = r#"set -eu
export GIT_SSH_COMMAND="ssh -i /var/lib/deployd/deploy_key -o UserKnownHostsFile=/var/lib/deployd/known_hosts"
git clone --quiet "$REMOTE" by-hand
docker build --quiet --build-arg "SOURCE_VERSION=$COMMIT" --tag by-hand by-hand
docker run --detach --name by-hand --publish 8081:8080 by-hand
until curl --silent --max-time 5 http://127.0.0.1:8081/ | grep "$COMMIT"; do :; done
"#;
/// In nobody's measured time, as what the daemon does after a deploy.
const CLEAN_UP: &str = "docker rm --force by-hand && docker rmi by-hand && rm -r by-hand";

pub async fn run(stage: &Stage<'_>) -> anyhow::Result<Row> {
    stage.run(TOOLS, &[]).await?;
    // the first time, both make what later rounds find in the cache
    by_daemon(stage).await?;
    by_hand(stage).await?;
    let against = "git clone && docker build && docker run on the same VPS";
    let comparison = Comparison { what: WHAT.to_owned(), against, goal: 1.2, rounds: ROUNDS };
    comparison.run(async || by_daemon(stage).await, async || by_hand(stage).await).await
}

async fn by_daemon(stage: &Stage<'_>) -> anyhow::Result<Duration> {
    let mut project = stage.project.clone();
    // the version before answers until the switch
    project.settings.health.contains = Some(stage.change().await?);
    let source = stage.source();
    let start = Instant::now();
    stage.push().await?;
    stage.deployd.deploy(&stage.vps, &stage.access, &project, &source, &|_| {}).await?;
    healthy(&stage.vps, &project, HEALTHY).await?;
    let elapsed = start.elapsed();
    stage.rest().await?;
    Ok(elapsed)
}

async fn by_hand(stage: &Stage<'_>) -> anyhow::Result<Duration> {
    let (commit, source) = (stage.change().await?, stage.source());
    let start = Instant::now();
    stage.push().await?;
    stage.run(BY_HAND, &[("COMMIT", &commit), ("REMOTE", &source.remote)]).await?;
    let elapsed = start.elapsed();
    stage.run(CLEAN_UP, &[]).await?;
    Ok(elapsed)
}
