//! The rpm family: repositories, made into a root file system with this machine's dnf.

use std::fmt::Write as _;
use std::path::Path;

use tokio::process::Command;

use super::import::Maker;
use super::plan::{ask, named};
use crate::catalog::{Arch, Family, PackageManager, RpmMirror, System};
use crate::image::recipe::Progress;
use crate::image::{extra_authorities, tools::vps_image_file};
use crate::provision;

/// What runs dnf and packs the folder that it filled.
const SCRIPT: &str = vps_image_file!("rpm-base");

/// What installs into the new root; its package has the same name.
const TOOL: &str = "dnf";

/// Repositories that are there, and the tool for them.
pub(super) struct RpmPlan<'a> {
    system: &'a System,
    mirror: &'a RpmMirror,
    arch: Arch,
    /// The mirror that takes the place of the catalog's.
    other: Option<String>,
}

/// Whether the repository with the system itself answers, and the key that its packages are checked with, and what makes a
/// base of them is here or may be installed; the address of the repository if so.
pub(super) async fn answers(
    system: &System,
    mirror: &RpmMirror,
    arch: Arch,
    may_install: bool,
) -> Result<String, String> {
    let plan = RpmPlan { system, mirror, arch, other: named(Family::Rpm, &system.os) };
    let first = mirror.repositories.first().ok_or_else(|| format!("the catalog names no repository for {system}"))?;
    let url = plan.address(&first.url);
    ask(&format!("{url}/repodata/repomd.xml")).await?;
    ask(&mirror.gpgkey)
        .await
        .map_err(|why| format!("{url} answers, but not the key that signs its packages: {why}"))?;
    provision::reach(TOOL, TOOL, may_install)?;
    if nix::unistd::geteuid().is_root() {
        Ok(url)
    } else {
        Err(format!("{TOOL} makes a base as root only: run this as root"))
    }
}

impl<'a> RpmPlan<'a> {
    /// Gets the tool.
    pub(super) async fn new(
        system: &'a System,
        mirror: &'a RpmMirror,
        arch: Arch,
        may_install: bool,
        progress: Progress<'_>,
    ) -> Result<Self, String> {
        provision::program(TOOL, TOOL, may_install, progress).await.map_err(|error| error.to_string())?;
        Ok(Self { system, mirror, arch, other: named(Family::Rpm, &system.os) })
    }

    pub(super) fn maker(&self) -> std::io::Result<Maker> {
        let folder = tempfile::tempdir()?;
        for name in ["repositories", "authorities"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        std::fs::write(folder.path().join("dnf.conf"), "[main]\n")?;
        std::fs::write(folder.path().join("repositories/catalog.repo"), self.repositories())?;
        for (name, pem) in extra_authorities().map_err(std::io::Error::other)? {
            std::fs::write(folder.path().join("authorities").join(name), pem)?;
        }
        let mut command = Command::new("unshare");
        // what is mounted for the packages' scripts is gone when the script is, however it ends
        command
            .args(["--mount", "sh", "-c", SCRIPT, "rpm-base"])
            .arg(folder.path())
            .args(self.arguments(folder.path()));
        Ok(Maker { command, folder })
    }

    /// dnf's arguments: nothing of this machine's own settings and repositories counts.
    fn arguments(&self, folder: &Path) -> Vec<String> {
        let manager = match self.system.package_manager {
            PackageManager::Yum => "yum",
            PackageManager::Apt | PackageManager::Dnf => "dnf",
        };
        // Fedora has several packages that provide the other name
        let release = if self.system.os == "fedora" { "fedora-release-container" } else { "system-release" };
        let mut arguments = vec![
            format!("--config={}", folder.join("dnf.conf").display()),
            format!("--setopt=reposdir={}", folder.join("repositories").display()),
            format!("--releasever={}", self.release()),
            format!("--forcearch={}", basearch(self.arch)),
            "--setopt=gpgcheck=True".to_owned(),
            "--setopt=install_weak_deps=False".to_owned(),
            "--setopt=tsflags=nodocs".to_owned(),
            "--assumeyes".to_owned(),
            "install".to_owned(),
        ];
        arguments.extend([release, "bash", "ca-certificates", "coreutils", "rpm", manager].map(str::to_owned));
        arguments
    }

    /// The file of repositories, in the words of yum and dnf.
    fn repositories(&self) -> String {
        let mut text = String::new();
        for repository in &self.mirror.repositories {
            let (id, url) = (&repository.id, self.address(&repository.url));
            let _ = writeln!(
                text,
                "[{id}]\nname={id}\nbaseurl={url}\nenabled=1\ngpgcheck=1\ngpgkey={}\n",
                self.mirror.gpgkey
            );
        }
        text
    }

    /// A repository's address for this architecture, on the mirror that is asked.
    fn address(&self, url: &str) -> String {
        let url = url.replace("$basearch", basearch(self.arch));
        let url = url.trim_end_matches('/');
        self.other.as_ref().map_or_else(|| url.to_owned(), |other| moved(url, other))
    }

    /// `9` of `stream9`: what `$releasever` stands for.
    fn release(&self) -> &str {
        self.system.version.trim_start_matches(|letter: char| !letter.is_ascii_digit())
    }
}

/// The same path on another mirror.
pub(super) fn moved(url: &str, other: &str) -> String {
    let path = url.split("://").nth(1).and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
    format!("{}/{path}", other.trim_end_matches('/'))
}

/// An architecture in rpm's words.
fn basearch(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "x86_64",
        Arch::Arm64 => "aarch64",
        Arch::Armhf => "armhfp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, Mirror};

    /// No mirror of the rpm family is in reach of every machine: what dnf is told is held here for each entry.
    #[test]
    fn dnf_is_told_what_the_catalog_says_of_each_system() {
        let catalog = Catalog::built_in();
        let mut told = String::new();
        for system in catalog.systems() {
            let Some(Mirror::Rpm(mirror)) = &system.mirror else { continue };
            for &arch in &system.architectures {
                let plan = RpmPlan { system, mirror, arch, other: None };
                let arguments = plan.arguments(Path::new("/folder")).join(" ");
                let _ = writeln!(told, "## {system} {arch}\ndnf {arguments}\n{}", plan.repositories());
            }
        }
        insta::assert_snapshot!(told);
    }

    #[test]
    fn another_mirror_takes_the_place_of_the_host_and_keeps_the_path() {
        let catalog = Catalog::built_in();
        let system = catalog.find("centos", "7").unwrap();
        let Some(Mirror::Rpm(mirror)) = &system.mirror else { panic!("{system} has no repositories") };
        let other = Some("http://127.0.0.1:8080/vault/".to_owned());
        let plan = RpmPlan { system, mirror, arch: Arch::Amd64, other };
        assert_eq!(plan.address("http://a.example/7/os/$basearch/"), "http://127.0.0.1:8080/vault/7/os/x86_64");
    }

    #[tokio::test]
    async fn what_was_asked_and_what_came_is_the_reason() {
        let catalog = Catalog::built_in();
        let system = catalog.find("rocky", "9").unwrap();
        let Some(Mirror::Rpm(mirror)) = &system.mirror else { panic!("{system} has no repositories") };
        let mut mirror = mirror.clone();
        // nothing listens there
        mirror.repositories[0].url = "http://127.0.0.1:9/9/$basearch/".to_owned();
        let why = answers(system, &mirror, Arch::Arm64, false).await.unwrap_err();
        assert!(why.starts_with("http://127.0.0.1:9/9/aarch64/repodata/repomd.xml: "), "{why}");
    }
}
