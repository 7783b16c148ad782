//! VPSes find each other by name, each those of its own owner; ports that nobody published are reached from outside.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use harness::wait::{Seen, wait_until};
use harness::{TestEnv, Vps};
use rstest_reuse::apply;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::every_system;
use crate::support::{Scenario, on_a_vps};

/// The port of a second SSH server, which greets whoever comes.
const PORT: u16 = 8022;

async fn greets(place: SocketAddr) -> anyhow::Result<()> {
    let greeting = wait_until(Duration::from_secs(20), format!("a greeting from {place}"), || async {
        let ask = async {
            let mut greeting = [0; 4];
            TcpStream::connect(place).await?.read_exact(&mut greeting).await?;
            anyhow::Ok(greeting)
        };
        match timeout(Duration::from_secs(5), ask).await {
            Ok(Ok(greeting)) if &greeting == b"SSH-" => Seen::Ready(()),
            other => Seen::NotYet(format!("{other:?}")),
        }
    });
    Ok(greeting.await?)
}

/// Checks what the VPS under test knows of its neighbour, and the test of both.
async fn with_a_neighbour(it: &Scenario, db: &Vps, stranger: &Vps) -> anyhow::Result<()> {
    let session = it.vps.ssh().await?;
    let found = session.run("getent ahostsv4 db").await?.stdout_text().into_owned();
    let (address, other) = (db.info().address.to_string(), stranger.info().address.to_string());
    ensure!(found.contains(&address), "db is {address}, not\n{found}");
    ensure!(!found.contains(&other), "db is a VPS of somebody else, too:\n{found}");
    let own = stranger.ssh().await?.run("getent ahostsv4 db").await?.stdout_text().into_owned();
    ensure!(own.contains(&other) && !own.contains(&address), "the other db takes itself for\n{own}");

    db.ssh().await?.run(&format!("/usr/sbin/sshd -p {PORT} -o PidFile=none")).await?;
    let by_name = format!("timeout 10 bash -c 'exec 3<>/dev/tcp/db/{PORT}; head -c 4 <&3'");
    let greeting = session.run(&by_name).await?.stdout_text().into_owned();
    ensure!(greeting == "SSH-", "db said {greeting:?}");
    greets(db.reach(PORT).await?).await?;
    let forwarded = db.reach_by_ssh(PORT).await?;
    greets(forwarded).await?;
    ensure!(forwarded == db.reach_by_ssh(PORT).await?, "a port is forwarded twice");

    db.reboot().await?;
    let again = session.run("getent ahostsv4 db").await?.stdout_text().into_owned();
    ensure!(again.contains(&address), "after a reboot db is {address}, not\n{again}");
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn vpses_find_each_other_by_name_and_unpublished_ports_are_reached(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let db = it.env.vps(os, version)?.with_name("db").start(&it.env).await?;
        // another owner on the same machine, with a VPS of the same name
        let others = TestEnv::open().await?;
        let result = async {
            let stranger = others.vps(os, version)?.with_name("db").start(&others).await?;
            let result = with_a_neighbour(it, &db, &stranger).await;
            stranger.close().await?;
            result
        };
        let result = Box::pin(result).await;
        others.close().await?;
        db.close().await?;
        result
    })
    .await
}
