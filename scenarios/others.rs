//! What others have on the engine is theirs, whatever the daemon removes.

use anyhow::ensure;
use harness::deployer::Ability;
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Stage, on_any_stage};

/// Has deployd remove all that it may, step by step; `same` checks what others have.
async fn everything_of_deployd_goes(
    stage: &Stage<'_>,
    same: impl AsyncFn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for path in ["/prune", "/down", "/prune", "/reset", "/prune"] {
        let (code, answer) = stage.api()?.as_admin("POST", path, None).await?;
        ensure!(code == 200, "POST {path}: HTTP {code}: {answer}");
        same(&format!("POST {path}")).await?;
    }
    let look = "docker images -q 'deployd/*'; docker ps -aq --filter label=deployd.role=app";
    let ours = stage.vps().ssh().await?.run(look).await?;
    ensure!(ours.stdout_text().trim().is_empty(), "the reset left something: {}", ours.stdout_text());
    let (_, deploys) = stage.api()?.as_admin("GET", "/deploys", None).await?;
    ensure!(deploys["data"]["deploys"].as_array().is_some_and(Vec::is_empty), "{deploys}");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn containers_images_and_volumes_of_others_survive_everything(os: &str, version: &str) -> anyhow::Result<()> {
    on_any_stage((os, version), "dockerfile-web", &[Ability::Remove], async |stage| {
        let ssh = stage.vps().ssh().await?;
        let make = "docker volume create theirs >/dev/null && docker pull -q debian:12 >/dev/null && \
                    docker tag debian:12 theirs/image:1 && docker run -d --name theirs-runs debian:12 sleep infinity && \
                    docker run --name theirs-ended -v theirs:/data debian:12 touch /data/file";
        ssh.run(make).await?;
        let look = "docker ps -a --no-trunc --filter name=theirs --format '{{.ID}} {{.Names}} {{.State}}' | sort; \
                    docker volume ls -q --filter name=theirs; docker images -q --no-trunc theirs/image; \
                    docker inspect --format '{{.State.StartedAt}}' theirs-runs";
        let before = ssh.run(look).await?.stdout_text().into_owned();
        ensure!(before.lines().count() == 5, "{before}");

        stage.deploy().await?;
        stage.checkout.commit_all("Change nothing").await?;
        stage.deploy().await?;
        let same = async |what: &str| {
            let after = ssh.run(look).await?.stdout_text().into_owned();
            ensure!(before == after, "{what} changed what is not its own:\n{before}\n{after}");
            Ok(())
        };
        same("a deploy").await?;
        if let Some(own) = stage.deployds() {
            return everything_of_deployd_goes(own, same).await;
        }
        stage.remove().await?;
        same("the removal").await
    })
    .await
}
