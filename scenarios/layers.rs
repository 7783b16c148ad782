//! An application of several layers on a database whose schema changes with it.

use anyhow::{Context, ensure};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Stage, on_a_stage};

/// How many layers of the fixture come after what a migration changes: the folder of the migrations, and the program.
const ABOVE: usize = 2;

/// What the page says after a word.
fn told<'a>(page: &'a str, word: &str) -> anyhow::Result<&'a str> {
    let line = page.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    line.with_context(|| format!("the page tells no {word}: {page}"))
}

/// The container of a service, since when it runs, and the layers of its image, a line each.
async fn running(stage: &Stage<'_>, service: &str) -> anyhow::Result<(String, Vec<String>)> {
    let look = format!(
        "id=$(docker ps --quiet --no-trunc --filter label=deployd.service={service}); \
         docker inspect --format '{{{{.Id}}}} {{{{.State.StartedAt}}}}' \"$id\"; \
         docker image inspect --format '{{{{range .RootFS.Layers}}}}{{{{println .}}}}{{{{end}}}}' \
         \"$(docker inspect --format '{{{{.Image}}}}' \"$id\")\""
    );
    let output = stage.vps().ssh().await?.run(&look).await?;
    let text = output.stdout_text();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
    let container = lines.next().with_context(|| format!("no container of {service}"))?;
    Ok((container, lines.collect()))
}

/// An application of several layers with a `MariaDB`: each deploy runs the migrations that are new, the data outlive it, the
/// database goes on as it is, and no layer below the changed one is built again.
#[apply(every_system)]
#[tokio::test]
async fn migrations_run_data_stay_and_a_layer_that_did_not_change_is_not_rebuilt(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "compose-mariadb", async |stage| {
        let first = stage.deploy().await?;
        let page = stage.page().await?;
        ensure!(told(&page, "commit")? == first, "the page does not tell commit {first}: {page}");
        ensure!((told(&page, "schema")?, told(&page, "columns")?) == ("1", "id at"), "not the first schema: {page}");
        let since = told(&page, "since")?.to_owned();
        let (_, layers) = running(stage, "web").await?;
        let database = running(stage, "db").await?;

        let migration = "ALTER TABLE visits ADD COLUMN page VARCHAR(100) NOT NULL DEFAULT '/';\n";
        stage.checkout.write("web/migrations/2-page.sql", migration)?;
        stage.checkout.commit_all("Keep the page of a visit").await?;
        let second = stage.deploy().await?;
        let page = stage.page().await?;
        ensure!(told(&page, "commit")? == second, "the page does not tell commit {second}: {page}");
        ensure!(
            (told(&page, "schema")?, told(&page, "columns")?) == ("2", "id at page"),
            "the migration did not run: {page}"
        );
        ensure!(told(&page, "since")? == since, "the visits since {since} are gone: {page}");

        let (_, now) = running(stage, "web").await?;
        let (below, changed) = layers.split_at(layers.len().saturating_sub(ABOVE));
        ensure!(below.len() > ABOVE && now.len() == layers.len(), "not the fixture's layers: {layers:?}, {now:?}");
        ensure!(now.starts_with(below), "a layer that did not change was built anew: {layers:?}, {now:?}");
        ensure!(now[below.len()] != changed[0], "the layer of the migrations is as it was: {now:?}");
        let after = running(stage, "db").await?;
        ensure!(after == database, "the database did not go on as it was: {database:?}, {after:?}");
        Ok(())
    })
    .await
}
