//! The state folder of one checkout: its key, its VPSes, and the files that ssh and Ansible read.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::Engine;
use crate::error::{Error, Failure, Result};
use crate::ssh::KeyPair;
use crate::vps::VpsInfo;

mod claim;

pub(crate) use claim::Claim;

/// The state folder of one checkout (`target/testenv`).
#[derive(Debug, Clone)]
pub struct Workspace {
    dir: PathBuf,
}

/// What a VPS's folder holds.
const STATE_FILE: &str = "vps.json";

impl Workspace {
    /// Finds the state folder: `TESTENV_STATE_DIR`, else `target/testenv` beside the nearest `Cargo.lock`, else the user's
    /// (`~/.local/state/testvps`).
    pub fn find() -> Result<Self> {
        if let Some(dir) = std::env::var_os("TESTENV_STATE_DIR") {
            return Self::at(Path::new(&dir));
        }
        let here = std::env::current_dir()
            .map_err(|error| Error::File(Failure::new("this folder", "find out where it is").saw(error)))?;
        if let Some(root) = here.ancestors().find(|folder| folder.join("Cargo.lock").is_file()) {
            return Self::at(&root.join("target/testenv"));
        }
        // systems without a place for state have one for data
        let users = dirs::state_dir().or_else(dirs::data_local_dir).ok_or_else(|| {
            let failure = Failure::new("state folder", "find one outside of a cargo workspace").saw("HOME is not set");
            Error::File(failure.hint("TESTENV_STATE_DIR names one"))
        })?;
        Self::at(&users.join("testvps"))
    }

    /// The workspace whose state is in `dir`.
    pub fn at(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).map_err(|error| file_error(dir, "make the state folder", &error))?;
        let dir = dir.canonicalize().map_err(|error| file_error(dir, "find the state folder", &error))?;
        Ok(Self { dir })
    }

    /// The state folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A short name for this workspace, different from that of every other folder.
    #[must_use]
    pub fn id(&self) -> String {
        let hash = Sha256::digest(self.dir.as_os_str().as_encoded_bytes());
        HEXLOWER.encode(&hash[..4])
    }

    /// The key that logs in to every VPS of this workspace; made at the first call.
    pub fn key(&self) -> Result<KeyPair> {
        KeyPair::load_or_generate(&self.key_file())
    }

    /// Where that key is.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.dir.join("id_ed25519")
    }

    /// The folder of a VPS.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The file that keeps a VPS after the command that made it.
    #[must_use]
    pub fn state_file(&self, name: &str) -> PathBuf {
        self.folder(name).join(STATE_FILE)
    }

    /// Writes down a VPS and brings the files for ssh and Ansible up to date.
    pub(crate) fn remember(&self, info: &VpsInfo, host_key: &str) -> Result<()> {
        write_whole(&info.ssh.known_hosts_file, &info.ssh.known_hosts_line(host_key))?;
        let path = self.state_file(&info.name);
        let json = serde_json::to_string_pretty(info)
            .map_err(|error| Error::File(Failure::new(path.display().to_string(), "write the state").saw(error)))?;
        let lock = self.lock()?;
        write_whole(&path, &json)?;
        self.write_client_files(&lock)
    }

    /// Keeps something secret about a VPS beside its state, for its owner's eyes only.
    pub fn keep(&self, name: &str, what: &str, value: &impl Serialize) -> Result<()> {
        let path = self.folder(name).join(what);
        let json = serde_json::to_string_pretty(value)
            .map_err(|error| Error::File(Failure::new(path.display().to_string(), "write").saw(error)))?;
        write_whole(&path, &json)
    }

    /// What was kept about a VPS; nothing if it never was.
    pub fn kept<T: DeserializeOwned>(&self, name: &str, what: &str) -> Result<Option<T>> {
        let path = self.folder(name).join(what);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        let value = serde_json::from_str(&text);
        value.map(Some).map_err(|error| Error::File(Failure::new(path.display().to_string(), "read").saw(error)))
    }

    /// Forgets a VPS and brings the files for ssh and Ansible up to date.
    pub fn forget(&self, name: &str) -> Result<()> {
        let lock = self.lock()?;
        let folder = self.folder(name);
        remove_folder(&folder, "remove the VPS's folder")?;
        self.write_client_files(&lock)
    }

    /// Removes the VPSes on this engine whose time is up; answers what they were. The engine is asked only if there are any.
    pub async fn remove_expired(&self, engine: &Engine) -> Result<Vec<VpsInfo>> {
        let expired = self.vpses()?.into_iter().filter(|vps| vps.is_expired() && vps.is_on(engine));
        let mut removed = Vec::new();
        for vps in expired {
            vps.remove_from(engine).await?;
            self.forget(&vps.name)?;
            removed.push(vps);
        }
        Ok(removed)
    }

    /// The VPSes written down here, by name; also those whose time is up, until they are removed.
    pub fn vpses(&self) -> Result<Vec<VpsInfo>> {
        let entries =
            fs::read_dir(&self.dir).map_err(|error| file_error(&self.dir, "read the state folder", &error))?;
        let mut found = Vec::new();
        for path in entries.flatten().map(|entry| entry.path().join(STATE_FILE)) {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            found.push(serde_json::from_str::<VpsInfo>(&text).map_err(|error| {
                let failure = Failure::new(path.display().to_string(), "read the state").saw(error);
                Error::File(failure.hint("remove its folder, then: cargo xtask sweep"))
            })?);
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The VPS that a person means: by name, or the only one there is. One whose time is up is none.
    pub fn find_vps(&self, name: Option<&str>) -> Result<VpsInfo> {
        let mut all = self.vpses()?;
        all.retain(|vps| !vps.is_expired());
        let names = all.iter().map(|vps| vps.name.clone()).collect::<Vec<_>>().join(", ");
        let unknown = |asked: &str, seen: String| {
            let failure = Failure::new(asked, "find this VPS").saw(seen);
            Error::Name(failure.hint("cargo xtask testenv debian 12 makes one; cargo xtask list shows all"))
        };
        match name {
            Some(name) => all.into_iter().find(|vps| vps.name == name).ok_or_else(|| {
                let known = if names.is_empty() { "there is none".to_owned() } else { format!("known: {names}") };
                unknown(name, known)
            }),
            None if all.len() == 1 => Ok(all.remove(0)),
            None if all.is_empty() => Err(unknown("no name given", "there is no VPS".to_owned())),
            None => Err(unknown("no name given", format!("there are several: {names}"))),
        }
    }

    /// The host key that a VPS written down here must show.
    pub(crate) fn host_key(info: &VpsInfo) -> Result<String> {
        let path = &info.ssh.known_hosts_file;
        let text = fs::read_to_string(path).map_err(|error| file_error(path, "read the host key", &error))?;
        let line = text.split_once(' ').map(|(_, key)| key.trim().to_owned());
        line.ok_or_else(|| {
            let failure = Failure::new(path.display().to_string(), "read the host key").saw("no line of known_hosts");
            Error::File(failure.hint(format!("cargo xtask down {}, then make it anew", info.name)))
        })
    }

    /// Holds off whoever else changes which VPSes are here, until the file is dropped.
    fn lock(&self) -> Result<File> {
        let path = self.dir.join(".lock");
        let lock = File::create(&path).map_err(|error| file_error(&path, "open the lock", &error))?;
        lock.lock().map_err(|error| file_error(&path, "take the lock", &error))?;
        Ok(lock)
    }

    /// Writes `ssh_config` and `inventory.ini` anew from the VPSes written down, under the lock.
    fn write_client_files(&self, _lock: &File) -> Result<()> {
        let (mut config, mut inventory) = (String::new(), "[vps]\n".to_owned());
        for vps in self.vpses()? {
            let hosts = &vps.ssh.known_hosts_file;
            let _ = writeln!(config, "{}", ssh_config_entry(&vps, hosts));
            inventory += &inventory_line(&vps, hosts);
        }
        write_whole(&self.dir.join("ssh_config"), &config)?;
        write_whole(&self.dir.join("inventory.ini"), &inventory)
    }
}

/// What OpenSSH's client reads to reach a VPS by its name, with the host key that `known_hosts` pins.
pub(crate) fn ssh_config_entry(vps: &VpsInfo, known_hosts: &Path) -> String {
    let (ssh, key, hosts) = (&vps.ssh, vps.ssh.identity_file.display(), known_hosts.display());
    format!(
        "Host {}\n  HostName {}\n  Port {}\n  User {}\n  IdentityFile \"{key}\"\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile \"{hosts}\"\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n",
        vps.name, ssh.host, ssh.port, ssh.user
    )
}

/// The same for Ansible.
pub(crate) fn inventory_line(vps: &VpsInfo, known_hosts: &Path) -> String {
    let (ssh, key, hosts) = (&vps.ssh, vps.ssh.identity_file.display(), known_hosts.display());
    format!(
        "{} ansible_host={} ansible_port={} ansible_user={} ansible_ssh_private_key_file='{key}' \
         ansible_ssh_common_args='-o UserKnownHostsFile=\"{hosts}\" -o IdentitiesOnly=yes'\n",
        vps.name, ssh.host, ssh.port, ssh.user
    )
}

/// Replaces a file in one step, readable by its owner alone: a reader sees the old text or the new one.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(|_| ()).map_err(|error| file_error(path, "write", &error))
}

/// Removes a folder with what is in it; one that is gone is fine.
pub(crate) fn remove_folder(folder: &Path, action: &str) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file_error(folder, action, &error)),
        _ => Ok(()),
    }
}

pub(crate) fn file_error(path: &Path, action: &str, error: &std::io::Error) -> Error {
    let failure = Failure::new(path.display().to_string(), action).saw(error);
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Error::File(failure.hint("the disk is full: cargo xtask images prune, or remove what is not needed"));
    }
    Error::File(failure)
}
