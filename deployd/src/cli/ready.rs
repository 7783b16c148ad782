//! `deployd ready`: whether the interface answers over HTTPS with the certificate of the data directory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::args::Ready;
use crate::error::{Failure, Kind, Result};
use crate::settings::DataDir;
use crate::tls;

/// How long the answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Asks GET / once.
pub(super) async fn ready(args: &Ready) -> Result<()> {
    let pinned = tls::leaf(&DataDir::new(&args.data.data_dir))?;
    let what = format!("ask https://{}/", args.address);
    let failed = |saw: String| Failure::new(Kind::Internal, &what).saw(saw);
    let status = match tokio::time::timeout(ANSWER, ask(args, pinned)).await {
        Ok(asked) => asked.map_err(|error| failed(error.to_string()))?,
        Err(_) => return Err(failed(format!("no answer within {} s", ANSWER.as_secs()))),
    };
    if status == 200 { Ok(()) } else { Err(failed(format!("HTTP {status}"))) }
}

async fn ask(args: &Ready, pinned: CertificateDer<'static>) -> Result<u16, Box<dyn std::error::Error>> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { certificate: pinned, provider }))
        .with_no_client_auth();
    let stream = TcpStream::connect(args.address).await?;
    let name = ServerName::from(args.address.ip());
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driven = tokio::spawn(connection);
    let request = Request::get("/").header("host", args.address.to_string()).body(Empty::<Bytes>::new())?;
    let status = sender.send_request(request).await?.status().as_u16();
    driven.abort();
    Ok(status)
}

/// Accepts exactly one certificate: the one that lies in the data directory, whoever signed it and whatever its names.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
