//! A WebSocket of lines, over the same pinned connection as everything else.

use futures_util::StreamExt;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::answer::open;
use super::http::Server;
use super::terminal::line;
use crate::error::{Failure, Kind, Result};

/// Prints the lines that come, until the other side ends.
pub(super) async fn follow(server: &Server, path: &str) -> Result<()> {
    let failed = |saw: String| Failure::new(Kind::Internal, "follow the logs").saw(saw);
    let address = format!("wss://{}{path}", server.authority());
    let mut request = address.into_client_request().map_err(|error| failed(error.to_string()))?;
    if let Some(token) = &server.token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| failed(error.to_string()))?;
        request.headers_mut().insert("authorization", value);
    }
    let (mut socket, _) = match client_async(request, server.connect().await?).await {
        Ok(opened) => opened,
        Err(Error::Http(refused)) => {
            let text = refused.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            return open(refused.status(), &text).map(|_| ());
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    while let Some(message) = socket.next().await {
        match message.map_err(|error| failed(error.to_string()))? {
            Message::Text(text) => line(text.trim_end_matches(['\r', '\n']))?,
            Message::Close(Some(CloseFrame { code: CloseCode::Policy, reason })) => {
                return Err(Failure::new(Kind::Unauthorized, "follow the logs")
                    .saw(reason)
                    .hint("deployd user login NAME"));
            }
            Message::Close(_) => break,
            // pings are answered by the library, and nothing else carries lines
            _ => {}
        }
    }
    Ok(())
}
