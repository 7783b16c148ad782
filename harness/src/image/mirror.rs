//! A base image made from the distribution's package mirror, with mmdebstrap.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio_util::io::ReaderStream;

use super::base::labels;
use super::recipe::Progress;
use crate::catalog::{Family, Mirror, System};
use crate::engine::Imported;
use crate::error::{Error, Failure, Result, chain};
use crate::lease::Lease;
use crate::{Engine, http, provision};

/// How long a mirror may take to answer before it counts as out of reach: a slow one is still one.
const REACH: Duration = Duration::from_secs(30);

/// Everything needed to make the base, found to be there.
pub(super) struct Plan<'a> {
    system: &'a System,
    mirror: &'a Mirror,
    url: String,
    arch: String,
}

/// The mirror's address, from the environment or the catalog.
fn url_of(system: &System, mirror: &Mirror) -> String {
    let setting = format!("TESTENV_APT_MIRROR_{}", system.os.to_uppercase());
    let url = std::env::var(setting).unwrap_or_else(|_| mirror.url.clone());
    url.trim_end_matches('/').to_owned()
}

/// Whether the mirror of a system answers for its release; its address if so.
pub(super) async fn answers(system: &System) -> Result<String, String> {
    let Some(mirror) = &system.mirror else {
        return Err(format!("the catalog names none for {system}"));
    };
    if system.family == Family::Rpm {
        return Err("bases of the rpm family are made from a registry only".to_owned());
    }
    let url = url_of(system, mirror);
    let suite = mirror.suites.first().map(String::as_str).unwrap_or_default();
    let release = format!("{url}/dists/{suite}/InRelease");
    let get = http::client().get(&release).timeout(REACH).send().await;
    let answer = get.map_err(|error| format!("{release}: {}", chain(&error)))?;
    if !answer.status().is_success() {
        return Err(format!("{release}: HTTP {}", answer.status()));
    }
    let text = answer.text().await.map_err(|error| format!("{release}: {}", chain(&error)))?;
    if let Some(until) = expired(&text, jiff::Timestamp::now()) {
        return Err(format!("{release}: valid until {until}, which is past: apt refuses it"));
    }
    // what a mirror serves counts only where its signature can be checked
    if Path::new(&mirror.keyring).exists() || provision::is_installable(&mirror.keyring_package).await {
        return Ok(url);
    }
    Err(format!("{url} answers, but its key ring {} is not on this machine and no package brings it", mirror.keyring))
}

/// The end of a release's validity, as it says it, if that is past.
fn expired(release: &str, now: jiff::Timestamp) -> Option<&str> {
    let until = release.lines().find_map(|line| line.strip_prefix("Valid-Until: "))?.trim();
    // the format of mail headers, but for the name of the zone
    let end = jiff::fmt::rfc2822::parse(&until.replace("UTC", "+0000")).ok()?;
    (end.timestamp() < now).then_some(until)
}

impl<'a> Plan<'a> {
    /// Checks the mirror, the tool and the key ring; the text says what is missing.
    pub(super) async fn for_system(
        system: &'a System,
        arch: &str,
        may_install: bool,
        progress: Progress<'_>,
    ) -> Result<Self, String> {
        let url = answers(system).await?;
        let mirror = system.mirror.as_ref().ok_or("the catalog names none")?;
        provision::program("mmdebstrap", "mmdebstrap", may_install, progress)
            .await
            .map_err(|error| error.to_string())?;
        provision::file(&mirror.keyring, &mirror.keyring_package, may_install, progress)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self { system, mirror, url, arch: arch.to_owned() })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Streams the root file system from mmdebstrap straight into the engine.
    pub(super) async fn import(&self, engine: &Engine, lease: &Lease, tag: &str) -> Result<()> {
        let failed = |seen: String| {
            Error::Build(Failure::new(self.system.to_string(), format!("make the base from {}", self.url)).saw(seen))
        };
        let authorities = Authorities::write().map_err(|error| failed(error.to_string()))?;
        let mut child = self.command(&authorities).spawn().map_err(|error| failed(error.to_string()))?;
        let group = child.id().unwrap_or_default();
        lease.guard(group);
        let stdout = child.stdout.take().ok_or_else(|| failed("no pipe".to_owned()))?;
        let mut stderr = child.stderr.take().ok_or_else(|| failed("no pipe".to_owned()))?;
        let said = tokio::spawn(async move {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text).await;
            text
        });
        let archive = ReaderStream::with_capacity(stdout, 1 << 18).chain(verdict(child));
        let imported = engine.import(archive, Imported { tag, labels: &labels("mirror") }).await;
        lease.unguard(group);
        let said = said.await.unwrap_or_default();
        imported.map_err(|error| {
            let last = said.lines().rev().take(10).collect::<Vec<_>>();
            failed(format!("{}\n{error}", last.into_iter().rev().collect::<Vec<_>>().join("\n")))
        })
    }

    fn command(&self, authorities: &Authorities) -> Command {
        let mut command = Command::new("mmdebstrap");
        command
            .args(["--variant=minbase", "--include=ca-certificates", "--architectures"])
            .arg(&self.arch)
            .arg(format!("--keyring={}", self.mirror.keyring));
        for hook in &authorities.hooks {
            command.arg(format!("--customize-hook={hook}"));
        }
        command
            // as the images of registries have it: a container that loses power is made anew, and dpkg need not flush
            .arg("--dpkgopt=force-unsafe-io")
            .arg("--customize-hook=rm -f \"$1/etc/resolv.conf\" \"$1/etc/hostname\"")
            .args([self.mirror.suites.first().map_or("", String::as_str), "-"])
            .args(self.sources())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// The lines of `sources.list`, which mmdebstrap also leaves in the system.
    fn sources(&self) -> Vec<String> {
        let components = self.mirror.components.join(" ");
        let line = |url: &str, suite: &str| format!("deb {url} {suite} {components}");
        let archive = self.mirror.suites.iter().map(|suite| line(&self.url, suite));
        archive.chain(self.mirror.security.iter().map(|it| line(&it.url, &it.suite))).collect()
    }
}

/// The end of the archive: nothing when mmdebstrap succeeded, an error that aborts the import when it did not.
fn verdict(mut child: Child) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::once(async move {
        let status = child.wait().await?;
        if status.success() { Ok(Bytes::new()) } else { Err(std::io::Error::other(format!("mmdebstrap: {status}"))) }
    })
}

/// The host's extra certificate authorities as files, and the hooks that put them into a system.
struct Authorities {
    hooks: Vec<String>,
    _folder: TempDir,
}

impl Authorities {
    fn write() -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authorities = super::extra_authorities().map_err(std::io::Error::other)?;
        let mut hooks = Vec::new();
        if !authorities.is_empty() {
            let target = "/usr/local/share/ca-certificates";
            hooks.push(format!("mkdir -p \"$1{target}\""));
            for (name, pem) in authorities {
                let path: PathBuf = folder.path().join(name);
                std::fs::write(&path, pem)?;
                hooks.push(format!("copy-in '{}' {target}", path.display()));
            }
            hooks.push("chroot \"$1\" update-ca-certificates".to_owned());
        }
        Ok(Self { hooks, _folder: folder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_past_its_validity_is_told() {
        let release = "Origin: Debian\nSuite: stable\nValid-Until: Sat, 08 Nov 2025 08:14:09 UTC\nMD5Sum:\n";
        let at = |time: &str| time.parse::<jiff::Timestamp>().unwrap();
        assert_eq!(expired(release, at("2025-11-09T00:00:00Z")), Some("Sat, 08 Nov 2025 08:14:09 UTC"));
        assert_eq!(expired(release, at("2025-11-08T08:14:08Z")), None);
        assert_eq!(expired("Origin: Debian\n", at("2030-01-01T00:00:00Z")), None);
    }
}
