//! The key ring that signs for a package archive: this machine's own, its distribution's, or one that an archive has which
//! this machine can check.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use super::recipe::Progress;
use crate::catalog::{AptMirror, KeyringArchive};
use crate::provision;

/// The setting by which a person lets key rings be taken from another archive: whom to trust is not for a tool to widen.
const FETCH: &str = "TESTENV_FETCH_KEYRINGS";

/// A key ring on this machine, for as long as it is needed.
pub(super) struct Keyring {
    path: PathBuf,
    _folder: Option<TempDir>,
}

impl Keyring {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether [`obtain`] has somewhere to get it; the text says why not.
pub(super) async fn reach(mirror: &AptMirror, may_install: bool) -> Result<(), String> {
    let (keyring, package) = (&mirror.keyring, &mirror.keyring_package);
    if Path::new(keyring).exists() {
        return Ok(());
    }
    if provision::is_installable(package).await {
        return provision::may_be_installed(package, may_install).map_err(|why| format!("no {keyring}: {why}"));
    }
    match &mirror.keyring_archive {
        Some(archive) if !Path::new(&archive.keyring).exists() => {
            Err(format!("no {keyring}, no package {package}, and no {} to check another archive with", archive.keyring))
        }
        Some(_) if provision::find_program("apt-get").is_none() => {
            Err(format!("no {keyring}, and no apt-get to fetch it"))
        }
        Some(archive) if std::env::var(FETCH).as_deref() != Ok("1") => Err(format!(
            "no {keyring}, and no package {package} in this machine's release; {FETCH}=1 takes it from {} {}",
            archive.url, archive.suite
        )),
        Some(_) => Ok(()),
        None => Err(format!("no {keyring}, and no package {package} that brings it")),
    }
}

/// The key ring, installed or fetched where it is not there.
pub(super) async fn obtain(mirror: &AptMirror, may_install: bool, progress: Progress<'_>) -> Result<Keyring, String> {
    let own = PathBuf::from(&mirror.keyring);
    match &mirror.keyring_archive {
        Some(archive) if !own.exists() && !provision::is_installable(&mirror.keyring_package).await => {
            progress(&format!("{} from {} {}", mirror.keyring_package, archive.url, archive.suite));
            fetch(mirror, archive).await
        }
        _ => {
            let there = provision::file(&mirror.keyring, &mirror.keyring_package, may_install, progress).await;
            there.map_err(|error| error.to_string())?;
            Ok(Keyring { path: own, _folder: None })
        }
    }
}

/// Unpacks the package of another archive beside this machine's own packages. apt checks it, as it checks any.
async fn fetch(mirror: &AptMirror, archive: &KeyringArchive) -> Result<Keyring, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let root = folder.path();
    for part in ["lists/partial", "cache/archives/partial", "parts", "root"] {
        std::fs::create_dir_all(root.join(part)).map_err(|error| error.to_string())?;
    }
    let source = format!("deb [signed-by={}] {} {} main\n", archive.keyring, archive.url, archive.suite);
    std::fs::write(root.join("sources.list"), source).map_err(|error| error.to_string())?;
    apt(root, &["update"]).await?;
    apt(root, &["download", &mirror.keyring_package]).await?;
    provision::run_command(Command::new("sh").current_dir(root).args(["-c", "dpkg-deb --extract ./*.deb root"]))
        .await?;
    let path = root.join("root").join(mirror.keyring.trim_start_matches('/'));
    if path.exists() {
        return Ok(Keyring { path, _folder: Some(folder) });
    }
    Err(format!("{} of {} has no {}", mirror.keyring_package, archive.url, mirror.keyring))
}

/// Runs apt-get with sources, lists and cache of its own, all below `root`.
async fn apt(root: &Path, words: &[&str]) -> Result<(), String> {
    let below = |option: &str, path: &str| format!("{option}={}", root.join(path).display());
    let options = [
        below("Dir::Etc::SourceList", "sources.list"),
        below("Dir::Etc::SourceParts", "parts"),
        below("Dir::State::Lists", "lists"),
        below("Dir::Cache", "cache"),
        "Acquire::Languages=none".to_owned(),
        // the folder is this user's alone
        "APT::Sandbox::User=".to_owned(),
    ];
    let options = options.iter().flat_map(|option| ["-o", option]);
    provision::run_command(Command::new("apt-get").current_dir(root).args(options).args(words)).await
}
