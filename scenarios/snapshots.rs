//! A snapshot that somebody takes of a VPS: others start from it as machines of their own; names and systems are checked.

use anyhow::ensure;
use harness::vps::Snapshot;
use harness::{Error, VpsRequest};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Scenario, on_a_vps};

/// Starts a VPS from the snapshot and looks at what it has of the frozen one.
async fn starts(it: &Scenario, request: VpsRequest, snapshot: &Snapshot) -> anyhow::Result<()> {
    let other = request.with_snapshot(snapshot).start(&it.env).await?;
    let look = "cat /root/file; cat /etc/machine-id; hostname";
    let (frozen, started) = (it.vps.ssh().await?.run(look).await?, other.ssh().await?.run(look).await?);
    let (frozen, started) = (frozen.stdout_text().into_owned(), started.stdout_text().into_owned());
    let same: Vec<&str> = started.lines().filter(|line| frozen.lines().any(|it| it == *line)).collect();
    ensure!(same == ["frozen"], "alike in both VPSes: {same:?}");
    ensure!(it.vps.host_key() != other.host_key(), "both VPSes have one host key");

    let in_use = snapshot.clone().remove(it.env.engine()).await.err().map(|error| error.to_string());
    ensure!(in_use.as_ref().is_some_and(|text| text.contains("needs it")), "removed under a VPS: {in_use:?}");
    Ok(other.close().await?)
}

async fn with_the_snapshot(it: &Scenario, snapshot: &Snapshot, os: &str, version: &str) -> anyhow::Result<()> {
    let (engine, workspace) = (it.env.engine(), it.env.workspace());
    let found = Snapshot::named(engine, workspace, snapshot.name()).await?;
    ensure!(found == *snapshot, "{found:?}");
    let names: Vec<String> = Snapshot::all(engine, workspace).await?.into_iter().map(|it| it.name).collect();
    ensure!(names.iter().any(|name| name == snapshot.name()), "not among {names:?}");
    let unknown = Snapshot::named(engine, workspace, "no-such-one").await.err().map(|error| error.to_string());
    ensure!(unknown.as_ref().is_some_and(|text| text.contains(snapshot.name())), "names nothing: {unknown:?}");

    let mut others =
        it.env.catalog().systems().iter().filter(|system| (&*system.os, &*system.version) != (os, version));
    if let Some(system) = others.next() {
        let refused = VpsRequest::new(system).with_snapshot(snapshot).start(&it.env).await;
        ensure!(matches!(refused, Err(Error::Name(_))), "a {system} started from it: {:?}", refused.err());
    }
    starts(it, it.env.vps(os, version)?, snapshot).await
}

#[apply(every_system)]
#[tokio::test]
async fn others_start_from_a_snapshot_as_machines_of_their_own(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        it.vps.ssh().await?.run("echo frozen >/root/file").await?;
        // the VPS's name is one that nobody else has
        let snapshot = it.vps.snapshot(&it.env, &it.vps.info().name).await?;
        let result = Box::pin(with_the_snapshot(it, &snapshot, os, version)).await;
        let (engine, name) = (it.env.engine(), snapshot.name().to_owned());
        let removed = snapshot.remove(engine).await;
        result?;
        removed?;
        let gone = Snapshot::named(engine, it.env.workspace(), &name).await;
        ensure!(matches!(gone, Err(Error::Name(_))), "still there: {gone:?}");
        Ok(())
    })
    .await
}
