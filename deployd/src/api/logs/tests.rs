//! A WebSocket of lines as a client meets it, over a real connection.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use futures_util::stream;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;
use crate::auth::{Level, Tokens};
use crate::settings::DataDir;
use crate::store::Store;

type Opened = (Arc<Tokens>, String);

/// Logs that say one line, and then nothing for ever.
async fn quiet(State((tokens, session)): State<Opened>, upgrade: WebSocketUpgrade) -> Response {
    let lines = stream::iter([Ok("one".to_owned())]).chain(stream::pending());
    follow(upgrade, Box::pin(lines), tokens.ended(session))
}

async fn client(opened: Opened) -> WebSocketStream<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/logs", get(quiet)).with_state(opened);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let connection = TcpStream::connect(address).await.unwrap();
    client_async(format!("ws://{address}/logs"), connection).await.unwrap().0
}

/// The next thing that the daemon says, but for its questions whether somebody is there.
async fn next(client: &mut WebSocketStream<TcpStream>) -> Option<Result<Message, Error>> {
    let said = async {
        loop {
            match client.next().await {
                Some(Ok(Message::Ping(_))) => {}
                other => return other,
            }
        }
    };
    timeout(Duration::from_secs(20), said).await.expect("nothing came in 20 s")
}

/// Opens logs with a session of ann's, ends it like this, and looks how the logs end.
async fn check(end: impl FnOnce(&Store, &Tokens, &str)) {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::new(dir.path());
    let store = Arc::new(Store::open(&data).unwrap());
    let tokens = Arc::new(Tokens::open(&data, store.clone()).unwrap());
    let issue = |user| tokens.issue(user, Level::User, Duration::from_mins(1)).unwrap();
    let (token, other) = (issue("ann"), issue("bob"));
    let mut client = client((tokens.clone(), tokens.find(&token).unwrap().0)).await;
    assert_eq!(next(&mut client).await.unwrap().unwrap(), Message::Text("one".into()));
    // nobody else's end ends it: the line that says why would be another one
    tokens.end(&other).unwrap();
    end(&store, &tokens, &token);
    let Some(Ok(Message::Close(Some(close)))) = next(&mut client).await else { panic!("not closed with a reason") };
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Policy, SESSION_ENDED));
    assert!(next(&mut client).await.is_none_or(|said| said.is_err()));
}

#[tokio::test]
async fn logs_end_with_the_session_that_opened_them() {
    check(|_, tokens, token| assert!(tokens.end(token).unwrap())).await;
}

#[tokio::test]
async fn logs_end_when_all_users_are_removed() {
    check(|store, _, _| assert_eq!(store.remove_users("operator").unwrap(), 0)).await;
}
