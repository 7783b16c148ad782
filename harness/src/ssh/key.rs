//! Ed25519 key pairs: made, kept in a file, shown.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};

use crate::error::{Error, Failure, Result, chain};

/// What the public line says at its end unless another comment was asked for.
const COMMENT: &str = "testvps";

/// A key pair to log in with, or for a server to show. Cheap to clone.
#[derive(Clone)]
pub struct KeyPair(Arc<PrivateKey>);

impl KeyPair {
    /// A new Ed25519 key pair.
    pub fn generate() -> Result<Self> {
        let mut key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519)
            .map_err(|e| Error::Machine(Failure::new("SSH key", "make an Ed25519 key").saw(chain(&e))))?;
        key.set_comment(COMMENT);
        Ok(Self(Arc::new(key)))
    }

    /// The same key with another comment at the end of its public line.
    #[must_use]
    pub fn with_comment(&self, comment: &str) -> Self {
        let mut key = (*self.0).clone();
        key.set_comment(comment);
        Self(Arc::new(key))
    }

    /// The key in the file; one that others may read is closed to them, because OpenSSH refuses to use it otherwise.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read(path).map_err(|e| unusable(path, "read", &e))?;
        let key = PrivateKey::from_openssh(&text).map_err(|e| unusable(path, "read", &e))?;
        let mode = fs::metadata(path).map_err(|e| unusable(path, "read", &e))?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
                .map_err(|e| unusable(path, "close to others", &e))?;
        }
        Ok(Self(Arc::new(key)))
    }

    /// The key in the file, which is made when it is missing. Two processes that do so at once end up with one key.
    pub fn load_or_generate(path: &Path) -> Result<Self> {
        if path.exists() {
            return Self::load(path);
        }
        let key = Self::generate()?;
        let file = key.written_beside(path)?;
        match file.persist_noclobber(path) {
            Ok(_) => Ok(key),
            // Another process was first. Its file is whole: it too came into place by one rename.
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(e) => Err(unusable(path, "write", &e.error)),
        }
    }

    /// Writes the private key in OpenSSH's format, mode 0600, in place of what was there.
    pub fn write_private(&self, path: &Path) -> Result<()> {
        self.written_beside(path)?.persist(path).map_err(|e| unusable(path, "write", &e.error))?;
        Ok(())
    }

    /// The private key in OpenSSH's format, for a file that is written elsewhere than on this machine.
    pub(crate) fn private_text(&self) -> Result<String> {
        let text = self.0.to_openssh(LineEnding::LF);
        let text = text.map_err(|e| Error::Machine(Failure::new("SSH key", "write it as text").saw(chain(&e))))?;
        Ok(text.to_string())
    }

    /// The line for `authorized_keys`: algorithm, key, comment.
    #[must_use]
    pub fn public_line(&self) -> String {
        self.0.public_key().to_openssh().unwrap_or_default()
    }

    /// `SHA256:...`, as OpenSSH shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The key in the form that russh signs with.
    pub(super) fn signing(&self) -> PrivateKeyWithHashAlg {
        PrivateKeyWithHashAlg::new(Arc::clone(&self.0), Some(HashAlg::Sha512))
    }

    /// A finished file in the same folder, private from its first byte on; only a rename is left to do.
    fn written_beside(&self, path: &Path) -> Result<tempfile::NamedTempFile> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| unusable(path, "write", &e))?;
        let text = self.0.to_openssh(LineEnding::LF).map_err(|e| unusable(path, "write", &e))?;
        let write = || {
            let mut file = tempfile::Builder::new()
                .prefix(".key-")
                .permissions(fs::Permissions::from_mode(0o600))
                .tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            Ok(file)
        };
        write().map_err(|e: io::Error| unusable(path, "write", &e))
    }
}

impl fmt::Debug for KeyPair {
    /// Never the private half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.fingerprint())
    }
}

fn unusable(path: &Path, action: &str, error: &dyn std::error::Error) -> Error {
    Error::File(Failure::new("SSH key", format!("{action} {}", path.display())).saw(chain(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_line_and_fingerprint_look_as_openssh_writes_them() {
        let key = KeyPair::generate().unwrap();
        assert!(key.public_line().starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"), "{}", key.public_line());
        assert!(key.public_line().ends_with(" testvps"), "{}", key.public_line());
        assert!(key.with_comment("deploy").public_line().ends_with(" deploy"));
        assert!(key.fingerprint().starts_with("SHA256:"), "{}", key.fingerprint());
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/id_ed25519");
        let made = KeyPair::load_or_generate(&path).unwrap();
        let bits = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(bits & 0o7777, 0o600);
        assert_eq!(KeyPair::load_or_generate(&path).unwrap().public_line(), made.public_line());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn many_that_make_it_at_once_get_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id");
        let lines: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> =
                (0..16).map(|_| scope.spawn(|| KeyPair::load_or_generate(&path).unwrap().public_line())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(lines.iter().all(|line| *line == lines[0]), "{lines:#?}");
    }

    #[test]
    fn a_key_open_to_others_is_closed_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id");
        KeyPair::generate().unwrap().write_private(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        KeyPair::load(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);

        fs::write(&path, "not a key").unwrap();
        let error = KeyPair::load_or_generate(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("file: SSH key: read {}", path.display())), "{error}");
    }
}
