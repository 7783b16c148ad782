//! Sending a message over HTTP or HTTPS; the client lives as long as one message, and so does its memory.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use super::address::Address;

/// How long a message may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Sends a message; what went wrong is told without the address.
pub(super) async fn send(address: &Address, text: &str) -> Result<(), String> {
    match tokio::time::timeout(DEADLINE, post(address, text)).await {
        Ok(Ok(status)) if status.is_success() => Ok(()),
        Ok(Ok(status)) => Err(format!("the receiver answered {status}")),
        Ok(Err(error)) => Err(chain(error.as_ref())),
        Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

async fn post(address: &Address, text: &str) -> Result<StatusCode, Box<dyn Error + Send + Sync>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
    // HTTP/1.1 only: the log of an HTTP/2 client would tell the path at its lowest level
    let connector = connector.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
    let body = Full::new(Bytes::from(serde_json::to_vec(&json!({ "text": text }))?));
    let request = Request::post(address.uri().clone())
        .header("content-type", "application/json")
        .header("user-agent", "deployd")
        .body(body)?;
    Ok(client.request(request).await?.status())
}

/// An error with its causes: the outermost one of this client says hardly more than that there is one.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn receiver(answer: &'static str) -> (Address, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/services/s3cret", listener.local_addr().unwrap());
        let received = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            while !request.ends_with('}') {
                let mut piece = [0; 1024];
                let read = stream.read(&mut piece).await.unwrap();
                request += &String::from_utf8_lossy(&piece[..read]);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            request
        });
        (Address::parse(&address).unwrap(), received)
    }

    #[tokio::test]
    async fn a_message_is_what_slack_understands() {
        let (address, received) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        send(&address, "deployed \"it\"").await.unwrap();
        let request = received.await.unwrap();
        assert!(request.starts_with("POST /services/s3cret HTTP/1.1"), "{request}");
        assert!(request.ends_with(r#"{"text":"deployed \"it\""}"#), "{request}");
    }

    #[tokio::test]
    async fn what_went_wrong_is_told_without_the_address() {
        let (address, _received) = receiver("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        assert!(send(&address, "x").await.unwrap_err().contains("404"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = format!("http://{}/services/s3cret", listener.local_addr().unwrap());
        drop(listener);
        let failure = send(&Address::parse(&gone).unwrap(), "x").await.unwrap_err();
        assert!(failure.contains("refused") && !failure.contains("s3cret"), "{failure}");
    }
}
