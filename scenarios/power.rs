//! Off, on and reboots, from outside and from inside: the disk and all that others know of the VPS stay, and each boot is one.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::catalog::Init;
use harness::engine::ContainerState;
use harness::wait::{Seen, wait_until};
use harness::{Vps, command_line};
use rstest_reuse::apply;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::every_system;
use crate::support::on_a_vps;

const MINUTE: Duration = Duration::from_mins(1);

/// Checks that the VPS has booted once more since the last look, with its disk; the login pins its host key and goes by its
/// published port.
async fn booted_again(vps: &Vps, boots: &mut Vec<String>) -> anyhow::Result<()> {
    let boot = vps.booted_after(boots.last().context("no boot yet")?).await?;
    ensure!(!boots.contains(&boot), "the boot id {boot} is one of an earlier boot: {boots:?}");
    boots.push(boot);
    let kept = vps.ssh().await?.run("cat /root/file").await?.stdout_text().into_owned();
    ensure!(kept == "kept\n", "the disk holds {kept:?}");
    TcpStream::connect((vps.info().address, 22)).await?;
    Ok(())
}

/// Gives a command that ends the boot and with it the connection.
async fn from_inside(vps: &Vps, command: &str) -> anyhow::Result<()> {
    let session = vps.ssh().await?;
    let _ = session.exec(command).await;
    timeout(MINUTE, session.ended()).await?;
    Ok(())
}

async fn off_after_a_shutdown(vps: &Vps, boots: &mut Vec<String>) -> anyhow::Result<()> {
    from_inside(vps, "shutdown -h now").await?;
    let off = wait_until(MINUTE, "the VPS to stay off", || async {
        match vps.state().await {
            Ok(Some(ContainerState::Stopped)) => Seen::Ready(()),
            other => Seen::NotYet(format!("{other:?}")),
        }
    });
    off.await?;
    vps.start().await?;
    booted_again(vps, boots).await
}

/// A systemd that is older ends in one way only, and the VPS comes back.
async fn can_stay_off(vps: &Vps) -> anyhow::Result<bool> {
    if vps.info().init == Init::Sshd {
        return Ok(true);
    }
    let told = vps.ssh().await?.run("systemctl --version").await?.stdout_text().into_owned();
    let version = told.split_whitespace().nth(1).unwrap_or_default();
    Ok(version.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u32>()? >= 227)
}

#[apply(every_system)]
#[tokio::test]
async fn off_on_and_reboots_keep_the_disk_and_what_others_know(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let vps = &it.vps;
        vps.ssh().await?.run("echo kept >/root/file").await?;
        let mut boots = vec![vps.boot_id().await?];

        vps.stop().await?;
        ensure!(vps.state().await? == Some(ContainerState::Stopped), "not off: {:?}", vps.state().await?);
        let refused = vps.ssh().await.err().map(|error| error.to_string()).unwrap_or_default();
        let hint = format!("{} start", command_line());
        ensure!(refused.contains("it is off") && refused.contains(&hint), "a login while it is off: {refused:?}");
        ensure!(vps.reboot().await.is_err(), "what is off was rebooted");
        vps.start().await?;
        booted_again(vps, &mut boots).await?;

        vps.reboot().await?;
        booted_again(vps, &mut boots).await?;

        from_inside(vps, "reboot").await?;
        booted_again(vps, &mut boots).await?;
        if can_stay_off(vps).await? {
            off_after_a_shutdown(vps, &mut boots).await?;
        }

        let journal = "[ ! -d /var/log/journal ] || ! command -v journalctl >/dev/null || journalctl --list-boots || :";
        let told = vps.ssh().await?.run(journal).await?.stdout_text().into_owned();
        if !told.is_empty() && vps.info().init == Init::Systemd {
            let lost = boots.iter().find(|boot| !told.contains(&boot.replace('-', "")));
            ensure!(lost.is_none(), "the journal does not know the boot {lost:?}:\n{told}");
        }
        Ok(())
    })
    .await
}
