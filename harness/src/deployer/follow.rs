//! A WebSocket of the daemon's interface, which trusts what the bootstrap read over SSH.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Bootstrapped;
use crate::error::chain;

/// How long the connection may take.
const CONNECT: Duration = Duration::from_secs(30);

/// The texts that come over a WebSocket.
pub struct Followed {
    socket: WebSocketStream<TlsStream<TcpStream>>,
}

type Boxed = Box<dyn StdError + Send + Sync>;

impl Followed {
    pub(super) async fn open(access: &Bootstrapped, path: &str) -> Result<Self, String> {
        match timeout(CONNECT, connect(access, path)).await {
            Ok(Ok(socket)) => Ok(Self { socket }),
            Ok(Err(error)) => Err(chain(error.as_ref())),
            Err(_) => Err(format!("no connection within {} s", CONNECT.as_secs())),
        }
    }

    /// The next text; nothing once the daemon has ended the connection. Pings are answered on the way.
    pub async fn next(&mut self) -> Option<String> {
        while let Some(Ok(message)) = self.socket.next().await {
            match message {
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
        None
    }

    /// Asks the daemon to answer a ping; says whether it did within the deadline, whatever else it sends.
    pub async fn ping(&mut self, deadline: Duration) -> bool {
        let answered = async {
            self.socket.send(Message::Ping(b"there?".to_vec().into())).await.ok()?;
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Pong(said) = message {
                    return Some(said.as_ref() == b"there?");
                }
            }
            None
        };
        timeout(deadline, answered).await.ok().flatten().unwrap_or(false)
    }

    /// Ends the connection.
    pub async fn close(mut self) {
        // the daemon may have ended it already
        let _ = self.socket.close(None).await;
    }
}

async fn connect(access: &Bootstrapped, path: &str) -> Result<WebSocketStream<TlsStream<TcpStream>>, Boxed> {
    let place = access.api_url.trim_start_matches("https://").trim_end_matches('/');
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(access.certificate.as_bytes())?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (host, _) = place.rsplit_once(':').unwrap_or((place, ""));
    let name = ServerName::try_from(host.to_owned())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(place).await?).await?;
    let mut request = format!("wss://{place}{path}").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {}", access.token).parse()?);
    Ok(client_async(request, stream).await?.0)
}
