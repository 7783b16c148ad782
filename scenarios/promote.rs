//! Build, serve, test, promote: only an image that served and passed is in the registry, and an older one runs from it.

use anyhow::ensure;
use harness::{Size, Vps};
use rstest_reuse::apply;
use serde_json::Value;

use crate::every_system;
use crate::field::{is_not_on_the_engine, put, serves, with_registry, write_version};
use crate::support::{on_a_sized_vps_with_engine, output_of};

const IMAGE: &str = "localhost:5000/team/site";
const SITE: &str = "/srv/static-image";

/// The versions that the registry has.
async fn promoted(vps: &Vps) -> anyhow::Result<Vec<String>> {
    let said = output_of(vps, "curl --silent http://localhost:5000/v2/team/site/tags/list").await?;
    let answer: Value = serde_json::from_str(&said)?;
    let mut tags: Vec<String> = serde_json::from_value(answer["tags"].clone()).unwrap_or_default();
    tags.sort();
    Ok(tags)
}

/// Runs the pipeline with what the site's folder holds; answers whether it succeeded, and what it printed.
async fn promote(vps: &Vps, version: &str) -> anyhow::Result<(bool, String)> {
    write_version(vps, version).await?;
    let ran = vps.ssh().await?.exec(&format!("/srv/promote-pipeline/promote {SITE} {version} 2>&1")).await?;
    Ok((ran.success(), ran.stdout_text().into_owned()))
}

/// Promotes a version that is sound.
async fn is_promoted(vps: &Vps, version: &str) -> anyhow::Result<()> {
    let (success, said) = promote(vps, version).await?;
    ensure!(success, "version {version} is not promoted:\n{said}");
    Ok(())
}

/// Breaks the site with a command, and checks that the pipeline stops with these words; `mend` undoes the command.
async fn is_stopped(vps: &Vps, version: &str, (breaks, mend): (&str, &str), expected: &str) -> anyhow::Result<()> {
    output_of(vps, &format!("cd {SITE} && {breaks}")).await?;
    let (success, said) = promote(vps, version).await?;
    ensure!(!success && said.contains(expected), "a version after `{breaks}` was not stopped:\n{said}");
    output_of(vps, &format!("cd {SITE} && {mend}")).await?;
    let tags = promoted(vps).await?;
    ensure!(tags == ["1"], "a broken version is in the registry: {tags:?}");
    Ok(())
}

/// Proves that an image reaches the registry only after it served and passed its integration test, as the very image that was
/// tested; broken versions stay out, and an older version runs from the registry on an engine that has it no more.
#[apply(every_system)]
#[tokio::test]
async fn only_an_image_that_served_and_passed_is_promoted_and_an_older_one_runs(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_sized_vps_with_engine((os, version), Size::default(), async |it| {
        let vps = &it.vps;
        with_registry(it, "").await?;
        put(vps, "promote-pipeline").await?;
        is_promoted(vps, "1").await?;

        let ends = ("sed -i.sound 's/\"httpd\", .*]/\"false\"]/' Dockerfile", "mv Dockerfile.sound Dockerfile");
        is_stopped(vps, "2", ends, "does not stay up").await?;
        let link = ("mv public/about.html .", "mv about.html public/");
        is_stopped(vps, "3", link, "about.html is not there").await?;
        is_promoted(vps, "4").await?;
        let tags = promoted(vps).await?;
        ensure!(tags == ["1", "4"], "the registry has {tags:?}");
        let left = output_of(vps, "docker ps --all --quiet").await?;
        ensure!(left.is_empty(), "the pipeline left containers: {left}");

        let tested = output_of(vps, "docker image inspect --format '{{.Id}}' candidate-4").await?;
        output_of(
            vps,
            "docker image rm --force $(docker image ls --quiet --filter reference='*/team/site' \
                    --filter reference='candidate-*' | sort -u)",
        )
        .await?;
        for version in ["1", "4"] {
            is_not_on_the_engine(vps, &format!("{IMAGE}:{version}")).await?;
        }
        output_of(vps, &format!("docker pull {IMAGE}:4")).await?;
        let pulled = output_of(vps, &format!("docker image inspect --format '{{{{.Id}}}}' {IMAGE}:4")).await?;
        ensure!(pulled == tested, "tested was {tested}, in the registry is {pulled}");
        output_of(vps, &format!("docker run --detach --name site --publish 8080:8080 {IMAGE}:4")).await?;
        serves(vps, "4").await?;
        output_of(
            vps,
            &format!("docker rm --force site && docker run --detach --name site --publish 8080:8080 {IMAGE}:1"),
        )
        .await?;
        serves(vps, "1").await?;
        Ok(())
    })
    .await
}
