//! Each fault is seen from outside while it is there, and gone once it is cleared.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::ssh::Session;
use harness::{Error, Fault, Size, Vps, command_line};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Scenario, on_a_sized_vps, on_a_sized_vps_with_engine};

const MIB: u64 = 1 << 20;
const SIZE: Size = Size { memory: Some(512 * MIB), cpus: None, disk: Some(1536 * MIB) };
/// How long something is tried that a fault keeps from working.
const TRIED: Duration = Duration::from_secs(8);
/// How long something takes at the most that works.
const WORKS: Duration = Duration::from_secs(30);

/// A login of its own, however others were made.
async fn login(vps: &Vps, deadline: Duration) -> harness::Result<()> {
    Session::connect(&vps.target(), deadline).await?.run("true").await.map(|_| ())
}

/// Puts a fault upon it, and sees that it is told.
async fn inject(it: &Scenario, fault: Fault) -> anyhow::Result<()> {
    it.vps.inject(&it.env, fault).await?;
    let seen = it.vps.faults(&it.env).await?;
    ensure!(seen == [fault], "after {fault} there are {seen:?}");
    Ok(())
}

/// Takes all away, and sees that none is told.
async fn clear(it: &Scenario) -> anyhow::Result<()> {
    it.vps.clear(&it.env).await?;
    let seen = it.vps.faults(&it.env).await?;
    ensure!(seen.is_empty(), "after clear there are {seen:?}");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn each_fault_of_network_disk_and_memory_is_seen_and_cleared(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_sized_vps((os, version), SIZE, async |it| {
        clear(it).await.context("clear where there is none")?;
        cut(it).await.context("cut")?;
        loss(it).await.context("loss")?;
        bandwidth(it).await.context("bandwidth")?;
        latency(it).await.context("latency")?;
        full_disk(it).await.context("disk-full")?;
        short_memory(it).await.context("memory-short")?;
        what_cannot_be(it, (os, version)).await.context("what cannot be")
    })
    .await
}

async fn cut(it: &Scenario) -> anyhow::Result<()> {
    inject(it, Fault::Cut).await?;
    it.vps.inject(&it.env, Fault::Cut).await.context("a second time")?;
    ensure!(login(&it.vps, TRIED).await.is_err(), "a login got through a network that is cut");
    clear(it).await?;
    login(&it.vps, WORKS).await.context("a login after the cut")
}

/// How many of 100 packets to the gateway and back are lost, by the VPS's own ping.
async fn lost(vps: &Vps) -> anyhow::Result<u32> {
    let ping = "ping -q -c 200 -i 0.01 -W 1 $(ip -4 route show default | awk '{ print $3 }')";
    let said = vps.run_by_engine(ping, WORKS).await?;
    let percent = said.split("% packet loss").next().and_then(|it| it.rsplit(' ').next());
    let percent: f64 = percent.and_then(|it| it.parse().ok()).with_context(|| format!("ping says {said}"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 100")]
    Ok(percent as u32)
}

async fn loss(it: &Scenario) -> anyhow::Result<()> {
    inject(it, Fault::Loss(50)).await?;
    let some = lost(&it.vps).await?;
    // half of them on the way there, half of the rest on the way back
    ensure!((50..100).contains(&some), "{some} of 100 packets are lost");
    clear(it).await?;
    let none = lost(&it.vps).await?;
    ensure!(none == 0, "{none} of 100 packets are lost after clear");
    Ok(())
}

async fn bandwidth(it: &Scenario) -> anyhow::Result<()> {
    const RATE: u64 = 125_000;
    const BYTES: u64 = 1_000_000;
    inject(it, Fault::Bandwidth(RATE)).await?;
    // a slow machine takes longer, but none is quicker than this: what may come at once is a fifth of it
    let least = Duration::from_secs(BYTES * 3 / 4 / RATE);
    let began = Instant::now();
    let down = it.vps.ssh().await?.run(&format!("head -c {BYTES} /dev/urandom")).await?;
    ensure!(down.stdout.len() as u64 == BYTES && began.elapsed() > least, "down in {:?}", began.elapsed());
    let began = Instant::now();
    let input = vec![b'x'; usize::try_from(BYTES)?];
    let exec = harness::ssh::Exec::new().stdin(input);
    let up = it.vps.ssh().await?.run_with("wc -c", exec).await?;
    ensure!(up.stdout_text().trim() == BYTES.to_string() && began.elapsed() > least, "up in {:?}", began.elapsed());
    clear(it).await
}

/// Some kernels cannot; then the error says so.
async fn latency(it: &Scenario) -> anyhow::Result<()> {
    let fault = Fault::Latency(Duration::from_millis(300));
    match it.vps.inject(&it.env, fault).await {
        Ok(()) => {
            let began = Instant::now();
            login(&it.vps, WORKS).await?;
            ensure!(began.elapsed() > Duration::from_millis(600), "a login took {:?}", began.elapsed());
        }
        Err(error) => ensure!(matches!(error, Error::Machine(_)) && error.to_string().contains("netem"), "{error}"),
    }
    clear(it).await
}

async fn full_disk(it: &Scenario) -> anyhow::Result<()> {
    inject(it, Fault::DiskFull).await?;
    let write = "head -c 1M /dev/zero >/srv/file";
    let output = it.vps.ssh().await?.exec(write).await?;
    let said = output.stderr_text();
    ensure!(!output.success() && said.contains("No space left on device"), "a full disk took a file: {output:?}");
    clear(it).await?;
    it.vps.ssh().await?.run(write).await?;
    Ok(())
}

async fn short_memory(it: &Scenario) -> anyhow::Result<()> {
    inject(it, Fault::MemoryShort(64 * MIB)).await?;
    let take = "head -c 200M /dev/zero | tail -n 1 | wc -c";
    let output = it.vps.ssh().await?.run(take).await?;
    ensure!(output.stdout_text().trim() == "0", "200 MiB were had where 64 are left: {output:?}");
    clear(it).await?;
    let output = it.vps.ssh().await?.run(take).await?;
    ensure!(output.stdout_text().trim() == (200 * MIB).to_string(), "no 200 MiB after clear: {output:?}");
    Ok(())
}

async fn what_cannot_be(it: &Scenario, (os, version): (&str, &str)) -> anyhow::Result<()> {
    let unlimited = it.env.vps(os, version)?.start(&it.env).await?;
    let refused = async |fault: Fault, words: &str| {
        let error = unlimited.inject(&it.env, fault).await.err();
        let told = error.as_ref().is_some_and(|it| matches!(it, Error::Fault(_)) && it.to_string().contains(words));
        ensure!(told, "{fault}: {error:?}");
        Ok(())
    };
    refused(Fault::DiskFull, "its disk is the host's").await?;
    refused(Fault::MemoryShort(MIB), "its memory is the host's").await?;
    refused(Fault::EngineStopped, "it has no container engine").await?;
    unlimited.stop().await?;
    let error =
        unlimited.inject(&it.env, Fault::Cut).await.err().context("a fault upon a VPS that is off")?.to_string();
    ensure!(error.contains("it is off") && error.contains(&format!("{} start", command_line())), "{error}");
    Ok(unlimited.close().await?)
}

#[apply(every_system)]
#[tokio::test]
async fn an_engine_that_is_stopped_or_killed_comes_back(os: &str, version: &str) -> anyhow::Result<()> {
    let size = Size { memory: None, cpus: None, disk: Some(4096 * MIB) };
    on_a_sized_vps_with_engine((os, version), size, async |it| {
        let answers = async |after: &str| {
            let until = "for n in $(seq 100); do docker version >/dev/null 2>&1 && exit 0; sleep 0.2; done; exit 1";
            let output = it.vps.ssh().await?.exec(until).await?;
            ensure!(output.success(), "docker does not answer after {after}");
            anyhow::Ok(())
        };
        // without systemd nobody waits for it at boot
        answers("the boot").await?;
        inject(it, Fault::EngineStopped).await?;
        let output = it.vps.ssh().await?.exec("docker version").await?;
        ensure!(!output.success(), "an engine that was stopped answers: {output:?}");
        clear(it).await?;
        answers("it was stopped and cleared").await?;

        let pid = "pidof dockerd";
        let before = it.vps.ssh().await?.run(pid).await?.stdout_text().into_owned();
        it.vps.inject(&it.env, Fault::EngineKilled).await?;
        it.vps.clear(&it.env).await?;
        answers("it was killed and cleared").await?;
        let after = it.vps.ssh().await?.run(pid).await?.stdout_text().into_owned();
        ensure!(after != before, "process {} was not killed", before.trim());
        Ok(())
    })
    .await
}
