//! The apt family: a release of an archive, made into a root file system with mmdebstrap.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::process::Command;

use super::import::Maker;
use super::plan::{ask, named};
use crate::catalog::{AptMirror, Arch, Family, SecurityArchive, System};
use crate::image::extra_authorities;
use crate::image::keyring::{self, Keyring};
use crate::image::recipe::Progress;
use crate::{emulation, provision};

/// What makes the root file system; its package has the same name.
const TOOL: &str = "mmdebstrap";
/// What it asks whether this machine runs programs of another architecture; its package only recommends it.
const FOREIGN: &str = "arch-test";

/// A release that is there, and the tool and keys for it.
pub(super) struct AptPlan<'a> {
    mirror: &'a AptMirror,
    keyring: Keyring,
    arch: Arch,
    url: String,
    security: Option<SecurityArchive>,
}

/// Whether the mirror answers for the release and the architecture, and what makes a base of it is here or may be
/// installed; its address if so.
pub(super) async fn answers(
    system: &System,
    mirror: &AptMirror,
    arch: Arch,
    may_install: bool,
) -> Result<String, String> {
    let url = named(Family::Apt, &system.os).unwrap_or_else(|| mirror.url_for(arch).to_owned());
    let url = url.trim_end_matches('/').to_owned();
    let suite = mirror.suites.first().map(String::as_str).unwrap_or_default();
    let release = format!("{url}/dists/{suite}/InRelease");
    let text = ask(&release).await?.text().await.map_err(|error| format!("{release}: {error}"))?;
    if let Some(until) = expired(&text, jiff::Timestamp::now()).filter(|_| mirror.check_valid_until) {
        return Err(format!("{release}: valid until {until}, which is past: apt refuses it"));
    }
    // some distributions keep the packages of further architectures on another host
    let component = mirror.components.first().map_or("main", String::as_str);
    let packages = format!("{url}/dists/{suite}/{component}/binary-{arch}/Release");
    ask(&packages).await.map_err(|why| format!("{why}: the mirror has no {arch}"))?;
    // what a mirror serves counts only where its signature can be checked
    keyring::reach(mirror, may_install).await?;
    programs(arch).try_for_each(|program| provision::reach(program, program, may_install)).map(|()| url)
}

/// The programs that make a base, each in a package of its name.
fn programs(arch: Arch) -> impl Iterator<Item = &'static str> {
    [TOOL].into_iter().chain(emulation::is_foreign(arch).then_some(FOREIGN))
}

/// The security archive to name beside the archive; where there is none that apt would take, that is said.
async fn security(
    mirror: &AptMirror,
    named: Option<&str>,
    arch: Arch,
    progress: Progress<'_>,
) -> Option<SecurityArchive> {
    let catalogs = mirror.security.as_ref()?;
    let component = mirror.components.first().map_or("main", String::as_str);
    let mut without = Vec::new();
    for archive in candidates(catalogs, named) {
        match is_whole(&archive, component, arch, named.is_some()).await {
            Ok(()) => return Some(archive),
            Err(why) => without.push(why),
        }
    }
    progress(&format!("without {}: {}", catalogs.suite, without.join("; ")));
    None
}

/// Where the security archive may be: a mirror that a person named may be all that answers, and those that have it call it
/// so, or have its suite in the archive itself.
fn candidates(catalogs: &SecurityArchive, named: Option<&str>) -> Vec<SecurityArchive> {
    let beside = named.into_iter().flat_map(|url| [format!("{url}-security"), url.to_owned()]);
    let urls = beside.chain([catalogs.url.clone()]);
    urls.map(|url| SecurityArchive { url, suite: catalogs.suite.clone() }).collect()
}

/// Whether the security archive's index of an architecture is the one that its release tells of: mirrors that follow the
/// great architectures leave old ones of the others, which apt refuses, with everything else of that run.
async fn is_whole(security: &SecurityArchive, component: &str, arch: Arch, must_answer: bool) -> Result<(), String> {
    let (suite, index) =
        (format!("{}/dists/{}", security.url, security.suite), format!("{component}/binary-{arch}/Packages.xz"));
    let release = match ask(&format!("{suite}/InRelease")).await {
        Ok(release) => release.text().await.unwrap_or_default(),
        Err(why) if must_answer => return Err(why),
        // the catalog's own has to be there: that it is not is for mmdebstrap to tell of
        Err(_) => return Ok(()),
    };
    let there = ask(&format!("{suite}/{index}")).await?.content_length();
    match (promised(&release, &index), there) {
        (Some(size), Some(there)) if size != there => {
            Err(format!("{suite}/{index} has {there} bytes, and {size} by its release"))
        }
        _ => Ok(()),
    }
}

/// The size that a release tells of an index.
fn promised(release: &str, index: &str) -> Option<u64> {
    let mut lines = release.lines().filter_map(|line| line.strip_prefix(' ')?.strip_suffix(index));
    lines.find_map(|line| line.split_whitespace().nth(1)?.parse().ok())
}

/// The end of a release's validity, as it says it, if that is past.
fn expired(release: &str, now: jiff::Timestamp) -> Option<&str> {
    let until = release.lines().find_map(|line| line.strip_prefix("Valid-Until: "))?.trim();
    // the format of mail headers, but for the name of the zone
    let end = jiff::fmt::rfc2822::parse(&until.replace("UTC", "+0000")).ok()?;
    (end.timestamp() < now).then_some(until)
}

impl<'a> AptPlan<'a> {
    /// Gets the tool and the key ring.
    pub(super) async fn new(
        os: &str,
        mirror: &'a AptMirror,
        arch: Arch,
        url: String,
        may_install: bool,
        progress: Progress<'_>,
    ) -> Result<Self, String> {
        for program in programs(arch) {
            let there = provision::program(program, program, may_install, progress).await;
            there.map_err(|error| error.to_string())?;
        }
        let keyring = keyring::obtain(mirror, may_install, progress).await?;
        let named = named(Family::Apt, os).map(|_| url.as_str());
        let security = security(mirror, named, arch, progress).await;
        Ok(Self { mirror, keyring, arch, url, security })
    }

    pub(super) fn maker(&self) -> std::io::Result<Maker> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(TOOL);
        command.args(self.arguments(&trusting(&folder)?));
        Ok(Maker { command, folder })
    }

    fn arguments(&self, trusting: &[String]) -> Vec<String> {
        // apt is essential in Debian's bases and none of Ubuntu's
        let mut arguments: Vec<String> = vec!["--variant=minbase".into(), "--include=apt,ca-certificates".into()];
        arguments.push(format!("--architectures={}", self.arch));
        arguments.push(format!("--keyring={}", self.keyring.path().display()));
        arguments.extend(self.mirror.setup_hook.iter().map(|hook| format!("--setup-hook={hook}")));
        arguments
            .extend(self.mirror.customize_hook.iter().chain(trusting).map(|hook| format!("--customize-hook={hook}")));
        // as the images of registries have it: a container that loses power is made anew, and dpkg need not flush
        arguments.push("--dpkgopt=force-unsafe-io".into());
        arguments.push("--customize-hook=rm -f \"$1/etc/resolv.conf\" \"$1/etc/hostname\"".into());
        arguments.extend([self.mirror.suites.first().cloned().unwrap_or_default(), "-".into()]);
        arguments.extend(self.sources());
        arguments
    }

    /// The lines of `sources.list`, which mmdebstrap also leaves in the system.
    fn sources(&self) -> Vec<String> {
        let components = self.mirror.components.join(" ");
        let options = if self.mirror.check_valid_until { "" } else { "[check-valid-until=no] " };
        let line = |url: &str, suite: &str| format!("deb {options}{url} {suite} {components}");
        let archive = self.mirror.suites.iter().map(|suite| line(&self.url, suite));
        archive.chain(self.security.iter().map(|it| line(&it.url, &it.suite))).collect()
    }
}

/// The hooks that make the system trust the host's extra certificate authorities, whose files are put into `folder`.
fn trusting(folder: &TempDir) -> std::io::Result<Vec<String>> {
    let authorities = extra_authorities().map_err(std::io::Error::other)?;
    if authorities.is_empty() {
        return Ok(Vec::new());
    }
    let target = "/usr/local/share/ca-certificates";
    let mut hooks = vec![format!("mkdir -p \"$1{target}\"")];
    for (name, pem) in authorities {
        let path: PathBuf = folder.path().join(name);
        std::fs::write(&path, pem)?;
        hooks.push(format!("copy-in '{}' {target}", path.display()));
    }
    hooks.push("chroot \"$1\" update-ca-certificates".to_owned());
    Ok(hooks)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn a_release_past_its_validity_is_told() {
        let release = "Origin: Debian\nSuite: stable\nValid-Until: Sat, 08 Nov 2025 08:14:09 UTC\nMD5Sum:\n";
        let at = |time: &str| time.parse::<jiff::Timestamp>().unwrap();
        assert_eq!(expired(release, at("2025-11-09T00:00:00Z")), Some("Sat, 08 Nov 2025 08:14:09 UTC"));
        assert_eq!(expired(release, at("2025-11-08T08:14:08Z")), None);
        assert_eq!(expired("Origin: Debian\n", at("2030-01-01T00:00:00Z")), None);
    }

    /// A mirror on this machine that has what begins so, all of it empty, and nothing else.
    async fn mirror_with(prefix: &'static str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 2048];
                let length = stream.read(&mut asked).await.unwrap();
                let has = asked[..length].starts_with(format!("GET {prefix}").as_bytes());
                let status = if has { "200 OK" } else { "404 Not Found" };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        format!("http://{address}/debian")
    }

    #[tokio::test]
    async fn the_mirror_that_a_person_named_need_be_all_that_answers() {
        let catalog = crate::catalog::Catalog::built_in();
        let debian = catalog.find("debian", "12").unwrap();
        let mut mirror = debian.mirror.as_ref().unwrap().apt().unwrap().clone();
        // nothing listens there
        mirror.security.as_mut().unwrap().url = "http://127.0.0.1:9/debian-security".to_owned();
        let said = std::sync::Mutex::new(String::new());
        let progress = |line: &str| said.lock().unwrap().push_str(line);
        for (prefix, found) in [("/debian-security/", Some("-security")), ("/debian/", Some("")), ("/nothing", None)] {
            let url = mirror_with(prefix).await;
            let archive = security(&mirror, Some(&url), Arch::Amd64, &progress).await;
            assert_eq!(archive.map(|it| it.url), found.map(|end| format!("{url}{end}")));
        }
        let said = said.into_inner().unwrap();
        assert!(said.starts_with("without bookworm-security: http://127.0.0.1:"), "{said}");
    }

    #[test]
    fn a_release_tells_the_size_of_each_index() {
        let release = "MD5Sum:\n 0a 12 main/binary-armhf/Packages\n 0b    7 main/binary-armhf/Packages.xz\nSHA256:\n";
        assert_eq!(promised(release, "main/binary-armhf/Packages.xz"), Some(7));
        assert_eq!(promised(release, "main/binary-arm64/Packages.xz"), None);
    }
}
