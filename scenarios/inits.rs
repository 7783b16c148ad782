//! A container engine on every kind of init: systemd, init scripts, and none at all.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::catalog::Init;
use harness::deployer::{Deployd, Deployer};
use harness::wait::{Seen, wait_until};
use harness::{Fault, Size, Vps};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Scenario, deployd, from_snapshot, on_a_sized_vps_with_engine, output_of, say};

/// The script with which an init that is not systemd starts the engine, where the engine's package brings one.
const SCRIPT: &str = "/etc/init.d/docker";
/// Runs a container that answers on a port published at the machine's own address, which takes the packet filter's rules.
const RUNS: &str = r#"set -eu
image=$(docker inspect --format '{{.Image}}' deployd)
docker run --detach --name published --publish 8099:8000 --entrypoint python3 "$image" -m http.server 8000
ask='exec 3<>"/dev/tcp/$1/8099" && printf "GET / HTTP/1.0\r\n\r\n" >&3 && grep -q "200 OK" <&3'
address=$(hostname -I | cut -d ' ' -f 1)
for n in $(seq 50); do timeout 5 bash -c "$ask" ask "$address" 2>/dev/null && break; sleep 0.2; done
docker rm --force published
test "$n" -lt 50
"#;

/// Waits until the boot has brought up the engine that the snapshot has.
async fn comes_up(vps: &Vps) -> anyhow::Result<()> {
    let session = vps.ssh().await?;
    let up = wait_until(Duration::from_mins(1), "the engine to come up at boot", || async {
        match session.run("docker version").await {
            Ok(_) => Seen::Ready(()),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(up.await?)
}

/// Lets the deploy tool find an engine that is installed and does not run, and start it; answers by what it did so.
async fn started_by(it: &Scenario, vps: &Vps, deployd: &Deployd) -> anyhow::Result<String> {
    vps.inject(&it.env, Fault::EngineStopped).await?;
    let told = Mutex::new(Vec::new());
    let keep = |line: &str| {
        say(line);
        if let Ok(mut told) = told.lock() {
            told.push(line.to_owned());
        }
    };
    let access = deployd.bootstrap(vps, &[], &keep).await?;
    let status = deployd.status(vps, &access).await?;
    ensure!(status.version == access.version, "the daemon does not answer: {status:?}");
    output_of(vps, RUNS).await.context("a container beside the daemon")?;
    let told = told.into_inner().unwrap_or_default();
    let line = told.iter().find(|line| line.contains("service: done")).with_context(|| format!("{told:?}"))?;
    Ok(line.clone())
}

/// The engine, once by the script that its package brings, and once without a script.
async fn without_systemd(it: &Scenario, vps: &Vps, deployd: &Deployd) -> anyhow::Result<()> {
    if vps.ssh().await?.exec(&format!("test -e {SCRIPT}")).await?.success() {
        comes_up(vps).await.context("with init scripts")?;
        let by = started_by(it, vps, deployd).await.context("with init scripts")?;
        ensure!(by.contains("started by service"), "with init scripts: {by}");
        vps.ssh().await?.run(&format!("rm {SCRIPT}")).await?;
    } else {
        say("the engine's package brings no init script here");
    }
    let by = started_by(it, vps, deployd).await.context("without any init")?;
    ensure!(by.contains("started by dockerd without a service manager"), "without any init: {by}");
    Ok(())
}

/// On machines that start by systemd, by init scripts and by neither, the bootstrap gets the engine running, and that runs
/// containers with published ports.
#[apply(every_system)]
#[tokio::test]
async fn an_engine_runs_containers_with_systemd_with_init_scripts_and_with_neither(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_sized_vps_with_engine((os, version), Size::default(), async |it| {
        let deployd = deployd(&it.env).await?;
        if it.vps.info().init == Init::Sshd {
            return without_systemd(it, &it.vps, &deployd).await;
        }
        comes_up(&it.vps).await.context("with systemd")?;
        let by = started_by(it, &it.vps, &deployd).await.context("with systemd")?;
        ensure!(by.contains("started by systemctl"), "with systemd: {by}");
        let other = from_snapshot(&it.env, os, version).await?.with_init(Init::Sshd).start(&it.env).await?;
        let result = without_systemd(it, &other, &deployd).await;
        other.close().await?;
        result
    })
    .await
}
