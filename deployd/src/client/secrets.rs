//! What this machine keeps about a server and nobody else may read: the pinned certificate and the token.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::pin::Fingerprint;
use super::settings::Remote;
use crate::error::{Failure, Kind, Result};
use crate::files;

/// The secrets about one server. They are kept by its address, so that projects that share a server share them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secrets {
    /// The server's address; the file's name alone would not tell `a:b` from `a_b`.
    pub(super) address: String,
    /// The port of its interface.
    pub(super) api_port: u16,
    /// The only certificate that it may show.
    pub(super) certificate_sha256: Fingerprint,
    /// What its interface wants to see; nothing before a login and after a logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
}

/// Where secrets are kept: `$XDG_CONFIG_HOME/deployd/remotes`.
#[derive(Debug, Clone)]
pub(super) struct Keeper(PathBuf);

impl Keeper {
    /// The keeper of whoever runs this.
    pub(super) fn of_user() -> Result<Self> {
        let given = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
        let config = given.or_else(|| std::env::home_dir().map(|home| home.join(".config"))).ok_or_else(|| {
            let failure = Failure::new(Kind::Internal, "find the folder of settings").saw("there is no home folder");
            failure.hint("set XDG_CONFIG_HOME")
        })?;
        Ok(Self::at(&config))
    }

    /// A keeper in a folder of settings.
    fn at(config: &Path) -> Self {
        Self(config.join("deployd/remotes"))
    }

    /// The file about a server.
    pub(super) fn file(&self, remote: &Remote) -> PathBuf {
        let address = remote.address.replace(':', "_");
        self.0.join(format!("{address}_{}.toml", remote.api_port))
    }

    /// What is kept about a server, if anything is.
    pub(super) fn read(&self, remote: &Remote) -> Result<Option<Secrets>> {
        let path = self.file(remote);
        let Some(text) = files::read_if_there(&path)? else { return Ok(None) };
        let invalid = |saw: String| {
            let failure = Failure::new(Kind::Invalid, format!("read {}", path.display())).saw(saw);
            failure.hint("remove it, then: deployd remote init or deployd remote trust")
        };
        let text = String::from_utf8(text).map_err(|error| invalid(error.to_string()))?;
        // the error of the parser shows the line, which may hold the token
        let secrets: Secrets = toml::from_str(&text).map_err(|error| invalid(error.message().to_owned()))?;
        if secrets.address != remote.address || secrets.api_port != remote.api_port {
            return Err(invalid(format!("it belongs to {} port {}", secrets.address, secrets.api_port)));
        }
        Ok(Some(secrets))
    }

    /// Keeps what there is to know about a server; its owner alone can read it.
    pub(super) fn write(&self, remote: &Remote, certificate: Fingerprint, token: Option<String>) -> Result<()> {
        let path = self.file(remote);
        files::private_dir(&self.0)?;
        let secrets = Secrets {
            address: remote.address.clone(),
            api_port: remote.api_port,
            certificate_sha256: certificate,
            token,
        };
        let text = toml::to_string(&secrets)
            .map_err(|error| Failure::new(Kind::Internal, format!("write {}", path.display())).saw(error))?;
        files::replace(&path, text.as_bytes(), 0o600)
    }

    /// Forgets a server.
    pub(super) fn forget(&self, remote: &Remote) -> Result<()> {
        files::remove_file(&self.file(remote))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_for_their_owner_and_for_their_server() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = Keeper::at(dir.path());
        let remote: Remote = toml::from_str("name = 'a'\naddress = 'fe80::1'").unwrap();
        assert!(keeper.read(&remote).unwrap().is_none());
        let pin: Fingerprint = "ab".repeat(32).parse().unwrap();
        keeper.write(&remote, pin, Some("t0ken".into())).unwrap();
        let kept = keeper.read(&remote).unwrap().unwrap();
        assert_eq!((kept.certificate_sha256, kept.token.as_deref()), (pin, Some("t0ken")));
        let mode = std::fs::metadata(keeper.file(&remote)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        keeper.forget(&remote).unwrap();
        keeper.forget(&remote).unwrap();
        assert!(keeper.read(&remote).unwrap().is_none());
    }

    #[test]
    fn a_broken_file_does_not_tell_the_token() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = Keeper::at(dir.path());
        let remote: Remote = toml::from_str("name = 'a'\naddress = 'x'").unwrap();
        files::private_dir(keeper.file(&remote).parent().unwrap()).unwrap();
        std::fs::write(keeper.file(&remote), "token = \"s3cret\" trailing").unwrap();
        let told = keeper.read(&remote).unwrap_err().to_string();
        assert!(told.contains("x_4303.toml") && !told.contains("s3cret"), "{told}");
    }
}
