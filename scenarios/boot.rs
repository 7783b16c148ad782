//! A VPS comes up as a machine of its own, with nothing of the host in reach.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::catalog::{Arch, Family};
use harness::image::{PROGRAM_HEADER, header_arch};
use harness::wait::{Seen, wait_until};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::on_a_vps;

#[apply(every_system)]
#[tokio::test]
async fn each_vps_is_a_machine_of_its_own_with_a_running_init(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let other = it.env.vps(os, version)?.start(&it.env).await?;
        let identity = async |vps: &harness::Vps| {
            let said = vps.ssh().await?.run("cat /etc/machine-id; hostname").await?.stdout_text().into_owned();
            anyhow::Ok(said)
        };
        let (first, second) = (identity(&it.vps).await?, identity(&other).await?);
        ensure!(first.lines().count() == 2 && second.lines().count() == 2, "{first:?} {second:?}");
        for (one, another) in first.lines().zip(second.lines()) {
            ensure!(one != another, "both VPSes have {one}");
        }
        ensure!(it.vps.host_key() != other.host_key(), "both VPSes have one host key");
        ensure!(it.vps.info().address != other.info().address, "both VPSes have one address");
        other.close().await?;

        if it.vps.info().init == harness::catalog::Init::Systemd {
            let session = it.vps.ssh().await?;
            let running = wait_until(Duration::from_mins(1), "systemd to say running", || async {
                match session.exec("systemctl is-system-running; systemctl --failed --no-legend").await {
                    Ok(output) if output.stdout_text().trim() == "running" => Seen::Ready(()),
                    Ok(output) => Seen::NotYet(output.stdout_text().into_owned()),
                    Err(error) => Seen::NotYet(error.to_string()),
                }
            });
            running.await?;
        }
        Ok(())
    })
    .await
}

/// How the kernel, dpkg and rpm call an architecture.
fn words(arch: Arch) -> (&'static str, &'static str, &'static str) {
    match arch {
        Arch::Amd64 => ("x86_64", "amd64", "x86_64"),
        Arch::Arm64 => ("aarch64", "arm64", "aarch64"),
        Arch::Armhf => ("armv7l", "armhf", "armv7hl"),
    }
}

/// A cell of another architecture is truly of it: what the VPS is told as, its kernel's word, its package manager's and
/// the head of its shell's program agree with the cell.
#[apply(every_system)]
#[tokio::test]
async fn a_vps_is_of_the_architecture_of_its_cell(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let arch = it.env.arch();
        ensure!(it.vps.info().arch == arch, "a cell of {arch}, and the VPS is told as {}", it.vps.info().arch);
        let (machine, dpkg, rpm) = words(arch);
        let (ask, packages) = match it.env.system(os, version)?.family {
            Family::Apt => ("dpkg --print-architecture", dpkg),
            Family::Rpm => ("rpm --eval '%{_arch}'", rpm),
        };
        let session = it.vps.ssh().await?;
        for (command, expected) in [("uname -m", machine), (ask, packages)] {
            let said = session.run(command).await?.stdout_text().trim().to_owned();
            ensure!(said == expected, "a cell of {arch}, and {command} says {said}, not {expected}");
        }
        let head = session.run(&format!("head -c {PROGRAM_HEADER} /bin/sh")).await?.stdout;
        let head = head.first_chunk().context("/bin/sh is shorter than a program")?;
        ensure!(header_arch(head) == Some(arch), "a cell of {arch}, and /bin/sh begins with {head:x?}");
        Ok(())
    })
    .await
}

#[apply(every_system)]
#[tokio::test]
async fn the_disks_the_clock_and_the_modules_of_the_host_are_out_of_reach(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_vps(os, version, async |it| {
        let session = it.vps.ssh().await?;
        let capabilities = session.run("sed -n 's/^CapBnd:[[:space:]]*//p' /proc/1/status").await?;
        let bounding = u64::from_str_radix(capabilities.stdout_text().trim(), 16)?;
        // the numbers of linux/capability.h
        for (name, number) in
            [("CAP_SYS_MODULE", 16), ("CAP_SYS_RAWIO", 17), ("CAP_SYS_TIME", 25), ("CAP_SYS_RESOURCE", 24)]
        {
            ensure!(bounding & (1 << number) == 0, "{name} is there: {bounding:x}");
        }
        let clock = session.exec("date -s '2001-01-01'").await?;
        ensure!(!clock.success(), "the clock could be set");
        // every block device that the kernel tells of, by its number, on a file system that allows nodes (not a
        // tmpfs): one can be made, and not opened
        let open = "cd /var/lib/docker; for dev in /sys/class/block/*/dev; do \
                      IFS=: read -r major minor < $dev; rm -f node; mknod node b $major $minor || exit 3; \
                      if dd if=node of=/dev/null bs=512 count=1 2>said; then echo opened $dev; \
                      else grep -qi 'not permitted' said || cat said; fi; \
                    done; rm -f node said; ls /sys/class/block | wc -l";
        let output = session.run(open).await?;
        let text = output.stdout_text().into_owned();
        let devices: usize = text.lines().last().unwrap_or_default().trim().parse()?;
        ensure!(devices > 0, "no block device to try: {output:?}");
        ensure!(text.lines().count() == 1, "a block device of the host: {output:?}");
        let sysctl = session.exec("echo 1 > /proc/sys/vm/drop_caches").await?;
        ensure!(!sysctl.success(), "a setting of the host's kernel could be changed");
        Ok(())
    })
    .await
}
