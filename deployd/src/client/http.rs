//! HTTPS to one daemon, whose certificate is pinned.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::answer::{Answer, read};
use super::pin::{Fingerprint, connector};
use crate::error::{Failure, Kind, Result};

/// How long it may take to reach the daemon.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take that the daemon has at hand.
const SOON: Duration = Duration::from_secs(30);
/// How long one may take that containers have to be started or stopped for.
const WORK: Duration = Duration::from_mins(30);
/// How large an answer may be.
const LARGEST: usize = 64 << 20;

/// A daemon, and what is needed to talk to it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Its name or address.
    pub(crate) host: String,
    /// The port of its interface.
    pub(crate) port: u16,
    /// The certificate that it must show.
    pub(crate) pin: Fingerprint,
    /// What it wants to see.
    pub(crate) token: Option<String>,
}

impl Server {
    /// Host and port as they stand in a URL.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// An encrypted connection to the server with the pinned certificate.
    pub(super) async fn connect(&self) -> Result<TlsStream<TcpStream>> {
        let failed =
            |saw: String| Failure::new(Kind::Internal, format!("connect to https://{}", self.authority())).saw(saw);
        let late = || failed(format!("no answer within {} s", CONNECT.as_secs()));
        let unreachable = "is the server up, and does its firewall let this port in?";
        let tcp = timeout(CONNECT, TcpStream::connect((self.host.as_str(), self.port))).await;
        let tcp =
            tcp.map_err(|_| late().hint(unreachable))?.map_err(|error| failed(error.to_string()).hint(unreachable))?;
        let name = ServerName::try_from(self.host.clone()).map_err(|error| failed(error.to_string()))?;
        let tls = connector(self.pin).map_err(|error| failed(error.to_string()))?;
        let shaken = timeout(CONNECT, tls.connect(name, tcp)).await.map_err(|_| late())?;
        shaken.map_err(|error| {
            let told = error.to_string();
            let other = told.contains("is pinned");
            let failure = failed(told);
            if !other {
                return failure;
            }
            failure.hint("somebody sits in between, or it was installed anew: deployd remote init asks over SSH")
        })
    }

    /// Sends a request; answers as soon as the head of the answer is there.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        within: Duration,
    ) -> Result<Response<Incoming>> {
        let what = format!("{method} https://{}{}", self.authority(), path.split('?').next().unwrap_or(path));
        let failed = |saw: String| Failure::new(Kind::Internal, &what).saw(saw);
        let stream = TokioIo::new(self.connect().await?);
        let mut request = Request::builder().method(method).uri(path).header("host", self.authority());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| failed(error.to_string()))?;
        let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| failed(error.to_string()))?;
        // ends with the answer's body
        tokio::spawn(connection);
        let sent = timeout(within, sender.send_request(request)).await;
        let sent = sent.map_err(|_| failed(format!("no answer within {} s", within.as_secs())))?;
        sent.map_err(|error| failed(error.to_string()))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>, within: Duration) -> Result<Answer> {
        let response = self.send(method, path, body, within).await?;
        read(response, within).await
    }

    /// GET; a status that tells of an error is one.
    pub(super) async fn get(&self, path: &str) -> Result<Answer> {
        self.ask(Method::GET, path, None, SOON).await
    }

    /// POST of what is done at once.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.ask(Method::POST, path, Some(body), SOON).await
    }

    /// POST of what takes as long as containers take.
    pub(super) async fn work(&self, path: &str, body: &Value) -> Result<Answer> {
        self.ask(Method::POST, path, Some(body), WORK).await
    }

    /// POST whose answer comes in pieces; the head may take as long as a clone.
    pub(super) async fn stream(&self, path: &str, body: &Value) -> Result<Response<Incoming>> {
        self.send(Method::POST, path, Some(body), WORK).await
    }

    /// Whether GET / answers 200 within a time.
    pub(crate) async fn is_ready(&self, within: Duration) -> Result<()> {
        let status = self.send(Method::GET, "/", None, within).await?.status();
        if status == 200 {
            return Ok(());
        }
        Err(Failure::new(Kind::Internal, format!("ask https://{}/", self.authority())).saw(format!("HTTP {status}")))
    }
}

/// The whole body of an answer, as text.
pub(super) async fn text(body: Incoming, within: Duration) -> Result<String> {
    let failed = |saw: String| Failure::new(Kind::Internal, "read the daemon's answer").saw(saw);
    let collected = timeout(within, Limited::new(body, LARGEST).collect()).await;
    let collected = collected.map_err(|_| failed(format!("it did not end within {} s", within.as_secs())))?;
    let bytes = collected.map_err(|error| failed(error.to_string()))?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A value as it may stand in a query.
pub(super) fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_only_what_it_may() {
        assert_eq!(encoded("web_1.a-b"), "web_1.a-b");
        assert_eq!(encoded("a&b=c é"), "a%26b%3Dc%20%C3%A9");
    }
}
