//! A VPS sees the size that it was given, and hits it; a size that cannot be is refused with what could.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::wait::{Seen, wait_until};
use harness::{Error, Size, Vps};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Scenario, on_a_sized_vps, on_a_vps};

const MIB: u64 = 1 << 20;
const SIZE: Size = Size { memory: Some(512 * MIB), cpus: Some(1.0), disk: Some(1536 * MIB) };

/// What a command prints, trimmed.
async fn told(vps: &Vps, command: &str) -> anyhow::Result<String> {
    Ok(vps.ssh().await?.run(command).await?.stdout_text().trim().to_owned())
}

/// The number that a command prints.
async fn number(vps: &Vps, command: &str) -> anyhow::Result<u64> {
    let said = told(vps, command).await?;
    said.parse().with_context(|| format!("`{command}` printed {said:?}"))
}

#[apply(every_system)]
#[tokio::test]
async fn the_size_of_a_vps_is_seen_and_hit_and_outlives_a_reboot(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_sized_vps((os, version), SIZE, async |it| {
        memory(&it.vps).await.context("memory")?;
        processors(&it.vps).await.context("processors")?;
        disk(&it.vps).await.context("disk")?;
        let kept = number(&it.vps, "echo 42 >/srv/kept; cat /srv/kept").await?;
        reboot(&it.vps).await?;
        ensure!(number(&it.vps, "cat /srv/kept").await? == kept, "the disk is another one after a reboot");
        let total = number(&it.vps, "free -b | awk '/^Mem:/ { print $2 }'").await?;
        ensure!(Some(total) == SIZE.memory, "after a reboot free tells {total} bytes");
        Ok(())
    })
    .await
}

async fn memory(vps: &Vps) -> anyhow::Result<()> {
    let total = number(vps, "free -b | awk '/^Mem:/ { print $2 }'").await?;
    ensure!(Some(total) == SIZE.memory, "free tells {total} bytes");
    let available = "awk '/^MemAvailable:/ { print $2 }' /proc/meminfo";
    let before = number(vps, available).await?;
    told(vps, "head -c 100M /dev/zero >/run/taken").await?;
    let less = wait_until(Duration::from_secs(20), "free to tell of what was taken", || async {
        match number(vps, available).await {
            Ok(now) if now + 90 * 1024 < before => Seen::Ready(()),
            Ok(now) => Seen::NotYet(format!("{now} of {before} KiB are available")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    less.await?;
    told(vps, "rm /run/taken").await?;

    let before = vps.boot_id().await?;
    // a line without an end grows in memory
    let greedy = vps.ssh().await?.exec("sh -c 'tail -n 1 /dev/zero; exit $?'").await?;
    ensure!(greedy.stdout_text().is_empty() && !greedy.success(), "more memory than there is was had: {greedy:?}");
    ensure!(vps.boot_id().await? == before, "the whole VPS ended for want of memory");
    Ok(())
}

async fn processors(vps: &Vps) -> anyhow::Result<()> {
    for command in ["nproc", "grep -c '^processor' /proc/cpuinfo", "getconf _NPROCESSORS_ONLN"] {
        let seen = number(vps, command).await?;
        ensure!(seen == 1, "`{command}` tells {seen}");
    }
    Ok(())
}

async fn disk(vps: &Vps) -> anyhow::Result<()> {
    let df = |column: &str| format!("df -P -k / | awk 'NR == 2 {{ print ${column} }}'");
    let (total, used) = (number(vps, &df("2")).await? / 1024, number(vps, &df("3")).await? / 1024);
    let asked = SIZE.disk.unwrap_or_default() / MIB;
    // what a file system keeps for its own tables is not told
    ensure!((asked * 9 / 10..=asked).contains(&total), "df tells a disk of {total} MiB");
    ensure!(used >= 100, "df tells that the system takes {used} MiB");
    for place in ["/srv", "/var/lib/docker"] {
        let fill = vps.ssh().await?.exec(&format!("head -c {asked}M /dev/zero >{place}/full")).await?;
        let said = fill.stderr_text();
        ensure!(!fill.success() && said.contains("No space left on device"), "{place} was not full: {fill:?}");
        let freed = vps.ssh().await?.exec(&format!("rm {place}/full; echo more >{place}/more")).await?;
        ensure!(freed.success(), "{place} stays full: {freed:?}");
    }
    Ok(())
}

async fn reboot(vps: &Vps) -> anyhow::Result<()> {
    let before = vps.boot_id().await?;
    // the connection ends with the machine: how this command ends is not the point
    let _ = vps.ssh().await?.exec("systemctl reboot || reboot").await;
    vps.booted_after(&before).await?;
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn a_size_that_cannot_be_is_refused_with_what_could(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let small = Size { memory: Some(8 * MIB), ..Size::default() };
        refused(it, (os, version), small, "it needs at least 64m to boot", |error| matches!(error, Error::Name(_)))
            .await?;
        let tight = Size { disk: Some(20 * MIB), ..Size::default() };
        refused(it, (os, version), tight, "it needs at least", |error| matches!(error, Error::Name(_))).await?;
        let many = Size { cpus: Some(4000.0), ..Size::default() };
        refused(it, (os, version), many, "the engine's machine has", |error| matches!(error, Error::Machine(_)))
            .await?;
        let large = Size { memory: Some(1 << 50), ..Size::default() };
        refused(it, (os, version), large, "the engine's machine has", |error| matches!(error, Error::Machine(_)))
            .await?;
        // nothing was broken by it
        told(&it.vps, "true").await.map(|_| ())
    })
    .await
}

async fn refused(
    it: &Scenario,
    (os, version): (&str, &str),
    size: Size,
    words: &str,
    kind: impl Fn(&Error) -> bool,
) -> anyhow::Result<()> {
    match it.env.vps(os, version)?.with_size(size).start(&it.env).await {
        Ok(vps) => {
            vps.close().await?;
            anyhow::bail!("a VPS of {size:?} started")
        }
        Err(error) => {
            ensure!(kind(&error) && error.to_string().contains(words), "{size:?}: {error}");
            Ok(())
        }
    }
}
