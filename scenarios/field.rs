//! What scenarios of other systems of the field have in common: packages of the distribution, fixtures on the VPS, programs
//! that stay, and a registry on the VPS itself with images of a static site.

use std::time::Duration;

use anyhow::{bail, ensure};
use harness::Vps;
use harness::catalog::PackageManager;
use harness::probe::Client;
use harness::wait::{Seen, wait_until};

use crate::support::{Scenario, fixture, output_of};

/// How long something on the VPS may take to come up, or to become what it should be.
pub const SOON: Duration = Duration::from_mins(2);

/// The settings of Debian's registry; its own ask for a password.
const REGISTRY: &str = "version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/docker-registry
http:
  addr: 127.0.0.1:5000
";

/// Installs packages of the distribution. Settings that are there already stay.
pub async fn install(it: &Scenario, packages: &str) -> anyhow::Result<()> {
    let command = match it.env.system(&it.vps.info().os, &it.vps.info().version)?.package_manager {
        PackageManager::Apt => {
            "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
             -o Dpkg::Options::=--force-confold"
        }
        PackageManager::Yum => "yum install -y",
        PackageManager::Dnf => "dnf install -y",
    };
    output_of(&it.vps, &format!("{command} {packages}")).await.map(drop)
}

/// Puts a folder of `projects` under `/srv`.
pub async fn put(vps: &Vps, fixture_name: &str) -> anyhow::Result<()> {
    Ok(vps.ssh().await?.upload(&fixture(fixture_name), "/srv/").await?)
}

/// Starts a program that stays, in its folder under `/srv`: a service where systemd runs, a session of its own elsewhere.
/// What it prints goes to `/var/log/NAME.log`.
pub async fn start(vps: &Vps, name: &str, command: &str) -> anyhow::Result<()> {
    let line = format!("cd /srv/{name} && exec {command} >/var/log/{name}.log 2>&1");
    let start = format!(
        "if [ -d /run/systemd/system ]; then systemd-run --quiet --unit={name} /bin/sh -c '{line}'; \
         else setsid /bin/sh -c '{line}' </dev/null >/dev/null 2>&1 & fi"
    );
    output_of(vps, &start).await.map(drop)
}

/// Waits until a command on the VPS ends well and prints something that `is_it`.
pub async fn until(vps: &Vps, what: &str, command: &str, is_it: impl Fn(&str) -> bool) -> anyhow::Result<String> {
    let seen = wait_until(SOON, what, || async {
        match output_of(vps, command).await {
            Ok(said) if is_it(&said) => Seen::Ready(said),
            Ok(said) => Seen::NotYet(said),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(seen.await?)
}

/// A VPS whose engine pulls from and pushes to a registry on the VPS itself, and the site that images are made of.
pub async fn with_registry(it: &Scenario, packages: &str) -> anyhow::Result<()> {
    let vps = &it.vps;
    output_of(vps, "mkdir -p /etc/docker/registry").await?;
    vps.ssh().await?.upload_bytes(REGISTRY.as_bytes(), "/etc/docker/registry/config.yml", 0o644).await?;
    install(it, &format!("docker-registry busybox-static {packages}")).await?;
    let serve = "if [ -d /run/systemd/system ]; then systemctl restart docker-registry; \
                 elif ! pidof docker-registry >/dev/null; then \
                 setsid docker-registry serve /etc/docker/registry/config.yml </dev/null >/var/log/registry.log 2>&1 & fi";
    output_of(vps, serve).await?;
    put(vps, "static-image").await?;
    output_of(vps, "cp /bin/busybox /srv/static-image/busybox").await?;
    until(vps, "the registry to answer", "curl --silent --fail http://localhost:5000/v2/ && echo yes", |_| true)
        .await?;
    until(vps, "the engine to answer", "docker version --format '{{.Server.Version}}'", |_| true).await?;
    Ok(())
}

/// Lets the front page of the site tell another version.
pub async fn write_version(vps: &Vps, version: &str) -> anyhow::Result<()> {
    let change = format!("sed -i 's/version [^<]*</version {version}</' /srv/static-image/public/index.html");
    output_of(vps, &change).await.map(drop)
}

/// Waits until the site that is published on port 8080 tells a version to this machine.
pub async fn serves(vps: &Vps, version: &str) -> anyhow::Result<()> {
    let (client, url) = (Client::new()?, vps.url(8080).await?);
    let expected = format!("version {version}<");
    let page = wait_until(SOON, format!("version {version} to serve"), || async {
        match client.get(&url).await {
            Ok((200, page)) if page.contains(&expected) => Seen::Ready(page),
            Ok((status, page)) => Seen::NotYet(format!("HTTP {status}: {page}")),
            Err(error) => Seen::NotYet(error.to_string()),
        }
    });
    Ok(page.await.map(drop)?)
}

/// Checks that the site tells a version now, without waiting for it.
pub async fn still_serves(vps: &Vps, version: &str) -> anyhow::Result<()> {
    match Client::new()?.get(&vps.url(8080).await?).await {
        Ok((200, page)) if page.contains(&format!("version {version}<")) => Ok(()),
        other => bail!("version {version} does not serve any more: {other:?}"),
    }
}

/// Checks that the engine has no image of the site in this version, so that it must come from the registry.
pub async fn is_not_on_the_engine(vps: &Vps, image: &str) -> anyhow::Result<()> {
    let found = vps.ssh().await?.exec(&format!("docker image inspect --format '{{{{.Id}}}}' {image}")).await?;
    ensure!(!found.success(), "{image} is on the engine already: {}", found.stdout_text());
    Ok(())
}
