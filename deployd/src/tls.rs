//! The certificate of the interface: the owner's if there is one, else one made at the first start.

use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use crate::error::{Failure, Kind, Result};
use crate::files;
use crate::settings::DataDir;

fn failed(what: impl Into<String>, error: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Internal, what).saw(error)
}

/// Makes certificate and key if neither is there. Their names are the host's and no others.
pub fn ensure(data: &DataDir, hosts: &[String]) -> Result<()> {
    let (certificate, key) = (data.certificate(), data.certificate_key());
    if certificate.exists() && key.exists() {
        return Ok(());
    }
    if certificate.exists() {
        let failure = failed("find the certificate's key", format!("{} is missing", key.display()));
        return Err(failure.hint(format!("put it there, or remove {}", certificate.display())));
    }
    if hosts.is_empty() {
        let failure = failed("make a certificate", "no host name is given and there is no certificate");
        return Err(failure.hint("--host NAME or DEPLOYD_HOSTS says how clients reach this machine"));
    }
    let (pair, made) = self_signed(hosts)?;
    files::private_dir(certificate.parent().unwrap_or(Path::new("/")))?;
    // the key first: a certificate without its key would look like an owner's mistake at the next start
    files::replace(&key, pair.serialize_pem().as_bytes(), 0o600)?;
    files::replace(&certificate, made.pem().as_bytes(), 0o644)
}

fn self_signed(hosts: &[String]) -> Result<(KeyPair, rcgen::Certificate)> {
    let what = format!("make a certificate for {}", hosts.join(", "));
    let pair = KeyPair::generate().map_err(|error| failed(&what, error))?;
    let mut params = CertificateParams::new(hosts.to_vec()).map_err(|error| failed(&what, error))?;
    params.distinguished_name.push(DnType::CommonName, format!("deployd on {}", hosts[0]));
    let certificate = params.self_signed(&pair).map_err(|error| failed(&what, error))?;
    Ok((pair, certificate))
}

/// What the interface serves TLS with.
pub fn server_config(data: &DataDir) -> Result<Arc<ServerConfig>> {
    let chain = chain(data)?;
    let key = PrivateKeyDer::from_pem_file(data.certificate_key())
        .map_err(|error| failed(format!("read {}", data.certificate_key().display()), error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| failed("use the certificate and its key", error).hint("they must belong together"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The certificate that clients see first.
pub fn leaf(data: &DataDir) -> Result<CertificateDer<'static>> {
    Ok(chain(data)?.remove(0))
}

/// The SHA-256 of the certificate, as a caller pins it.
pub fn fingerprint(data: &DataDir) -> Result<String> {
    Ok(HEXLOWER.encode(&Sha256::digest(leaf(data)?)))
}

fn chain(data: &DataDir) -> Result<Vec<CertificateDer<'static>>> {
    let path = data.certificate();
    let what = format!("read {}", path.display());
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(&path).and_then(Iterator::collect).map_err(|error| failed(&what, error))?;
    if chain.is_empty() {
        return Err(failed(&what, "it holds no certificate"));
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        ensure(&data, &["10.0.0.7".into(), "vps.example".into()]).unwrap();
        let first = fingerprint(&data).unwrap();
        ensure(&data, &["another".into()]).unwrap();
        assert_eq!(fingerprint(&data).unwrap(), first);
        let mode = std::fs::metadata(data.certificate_key()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        server_config(&data).unwrap();
    }

    #[test]
    fn an_owners_certificate_is_served_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let (pair, certificate) = self_signed(&["owner.example".into()]).unwrap();
        std::fs::create_dir(dir.path().join("tls")).unwrap();
        std::fs::write(data.certificate(), certificate.pem()).unwrap();
        assert!(ensure(&data, &["x".into()]).unwrap_err().to_string().contains("key.pem"));
        std::fs::write(data.certificate_key(), pair.serialize_pem()).unwrap();
        ensure(&data, &["x".into()]).unwrap();
        assert_eq!(leaf(&data).unwrap(), *certificate.der());
    }

    #[test]
    fn no_names_is_an_error_that_says_what_to_give() {
        let dir = tempfile::tempdir().unwrap();
        let failure = ensure(&DataDir::new(dir.path()), &[]).unwrap_err().to_string();
        assert!(failure.contains("DEPLOYD_HOSTS"), "{failure}");
    }
}
