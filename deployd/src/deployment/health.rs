//! Asking a version whether it is healthy, on its own address.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Context, Progress};
use crate::engine::State;
use crate::error::{Failure, Kind, Result};
use crate::project_file::Health;
use crate::store::Serving;
use crate::wait::{self, Seen};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How often it is asked.
const EVERY: Duration = Duration::from_millis(50);
/// How much of a body is looked at.
const BODY: usize = 1024 * 1024;
/// How many lines of a version that failed are told.
const LAST_LINES: usize = 20;

/// Waits until a version is healthy; ends early if it has ended.
pub(super) async fn wait(context: &Context, serving: &Serving, progress: &Progress) -> Result<()> {
    let Health { path, timeout_seconds, .. } = &serving.health;
    progress.step(format!("waiting up to {timeout_seconds} s for http://{}{path}", address(serving)));
    let crashed = Mutex::new(None);
    let waited = wait::until(serving.health.timeout(), EVERY, || look(context, serving, &crashed)).await;
    let crashed = crashed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ended = |state| Failure::new(Kind::Start, "start the new version").saw(told(&state));
    let failure = match (waited, crashed) {
        (Ok(Ok(())), _) => return Ok(()),
        (Ok(Err(state)), _) | (Err(_), Some(state)) => ended(state),
        (Err(seen), None) => {
            let what = format!("see the new version healthy within {timeout_seconds} s");
            Failure::new(Kind::Health, what).saw(format!("GET {path}: {seen}"))
        }
    };
    let lines = context.engine.last_lines(&serving.container, LAST_LINES).await.unwrap_or_default();
    for line in &lines {
        progress.output(&format!("  {line}"));
    }
    let failure = match lines.last() {
        Some(last) => failure.hint(format!("its last line: {last}")),
        None => failure.hint("it printed nothing"),
    };
    Err(failure.lines(lines))
}

/// Looks once. The service of a compose project may end and be started again until another one is there; then the way
/// it ended last is kept in `crashed`.
async fn look(
    context: &Context,
    serving: &Serving,
    crashed: &Mutex<Option<State>>,
) -> Seen<std::result::Result<(), State>> {
    // a version that has ended will not answer any more, but something else might at its address
    match context.engine.state(&serving.container).await {
        Ok(State::Running) => {}
        Ok(ended @ State::Ended { .. }) if serving.compose.is_some() => {
            let seen = told(&ended);
            *crashed.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
            return Seen::NotYet(seen);
        }
        Ok(ended) => return Seen::Ready(Err(ended)),
        Err(failure) => return Seen::NotYet(failure.to_string()),
    }
    match ask(serving, ANSWER).await {
        Ok(_) => Seen::Ready(Ok(())),
        Err(seen) => Seen::NotYet(seen.1),
    }
}

fn told(state: &State) -> String {
    match state {
        State::Ended { out_of_memory: true, .. } => "it ended because the memory was used up".into(),
        State::Ended { code, .. } => format!("it ended with exit code {code}"),
        State::Running | State::Missing => "someone removed its container".into(),
    }
}

/// Where a version listens.
pub(super) fn address(serving: &Serving) -> SocketAddr {
    SocketAddr::from((serving.address, serving.container_port))
}

/// Asks once; answers the HTTP status, or the status, if there was one, and what is wrong.
pub(super) async fn ask(serving: &Serving, deadline: Duration) -> Result<u16, (Option<u16>, String)> {
    match timeout(deadline, get(address(serving), &serving.health.path)).await {
        Err(_) => Err((None, format!("no answer within {} s", deadline.as_secs()))),
        Ok(Err(error)) => Err((None, error)),
        Ok(Ok((status, body))) => judge(&serving.health, status, &body),
    }
}

fn judge(health: &Health, status: u16, body: &[u8]) -> Result<u16, (Option<u16>, String)> {
    if status != health.status {
        return Err((Some(status), format!("HTTP {status} instead of {}", health.status)));
    }
    match &health.contains {
        Some(text) if !String::from_utf8_lossy(body).contains(text.as_str()) => {
            Err((Some(status), format!("HTTP {status}, but the body does not hold {text:?}")))
        }
        _ => Ok(status),
    }
}

async fn get(address: SocketAddr, path: &str) -> Result<(u16, Bytes), String> {
    let words = |error: hyper::Error| error.to_string();
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let request = Request::get(path)
        .header("host", address.to_string())
        .header("user-agent", "deployd-health")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let asked = async {
        let answer = sender.send_request(request).await.map_err(words)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), BODY).collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    };
    tokio::pin!(asked);
    // the connection has to be driven while the answer is awaited, and ends with this call
    tokio::select! {
        answer = &mut asked => answer,
        ended = connection => match ended {
            Ok(()) => asked.await,
            Err(error) => Err(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn answer_of(answer: &'static str, health: &Health) -> Result<u16, (Option<u16>, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let (status, body) = get(address, &health.path).await.map_err(|error| (None, error))?;
        judge(health, status, &body)
    }

    #[tokio::test]
    async fn status_and_body_are_judged() {
        let health = Health { contains: Some("commit".into()), ..Health::default() };
        let good = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nthe commit";
        assert_eq!(answer_of(good, &health).await, Ok(200));
        let other = answer_of("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno", &health).await.unwrap_err();
        assert!(other.1.contains("does not hold"), "{other:?}");
        let failing = answer_of("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", &health).await.unwrap_err();
        assert_eq!(failing, (Some(500), "HTTP 500 instead of 200".into()));
        assert!(answer_of("nonsense", &health).await.is_err());
    }
}
