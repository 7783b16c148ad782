//! GET /logs.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use utoipa::IntoParams;

use super::access::{SESSION_ENDED, SessionId};
use super::{Answer, App};
use crate::engine::{Container, LogStream, Role};
use crate::error::{Failure, Kind, Result};

/// How many lines may be asked for.
const ENTRIES: RangeInclusive<usize> = 1..=10_000;
/// What stands for the daemon itself, whatever its container is called.
const DAEMON: &str = "deployd";
/// How often a client is asked whether it is still there; also keeps proxies from ending a quiet connection.
const PING: Duration = Duration::from_secs(20);
/// For how long a client may take nothing, or say nothing, before it counts as gone.
const GONE: Duration = Duration::from_mins(1);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct LogsQuery {
    /// Its name, or the beginning of its id; without it the daemon's.
    container: String,
    /// How many lines at most.
    #[param(default = 500)]
    entries: usize,
    /// Whether to go on with what it prints from now on.
    stream: bool,
}

impl Default for LogsQuery {
    fn default() -> Self {
        Self { container: String::new(), entries: 500, stream: false }
    }
}

/// What a container of the project, the edge or the daemon printed.
#[utoipa::path(get, path = "/logs", params(LogsQuery), responses(
    (status = 101, description = "with `stream` a WebSocket: a text frame per line; closed with 1008 when the session has ended"),
    (status = 200, description = "`data.logs`, line by line"),
    (status = 400, description = "the query cannot be read, or `stream` comes without a WebSocket"),
    (status = 404, description = "there is no such container"),
))]
pub(super) async fn logs(
    State(app): State<App>,
    Extension(SessionId(session)): Extension<SessionId>,
    Query(query): Query<LogsQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response> {
    let engine = &app.deployer.context().engine;
    let entries = query.entries;
    if !ENTRIES.contains(&entries) {
        let saw = format!("{entries} is not from {} to {}", ENTRIES.start(), ENTRIES.end());
        return Err(Failure::new(Kind::Invalid, "entries").saw(saw));
    }
    let container = find(&app, &query.container).await?;
    if !query.stream {
        let lines = engine.last_lines(&container.id, entries).await?;
        let answer = Answer::new(StatusCode::OK, format!("the last lines of {}", container.name));
        return Ok(answer.with(json!({ "container": container.name, "logs": lines })).into_response());
    }
    let Ok(upgrade) = upgrade else {
        let failure = Failure::new(Kind::Invalid, "follow the logs").saw("stream=true needs a WebSocket");
        return Err(failure.hint("connect with wss://, or leave stream away"));
    };
    let lines = engine.log_stream(&container.id, entries, true).await?;
    Ok(follow(upgrade, lines, app.tokens.clone().ended(session)))
}

/// A container of the project, the edge or the daemon, by its name or the beginning of its id. Without a name it is the
/// daemon's.
async fn find(app: &App, asked: &str) -> Result<Container> {
    let engine = &app.deployer.context().engine;
    let asked = asked.trim_start_matches('/');
    let mut ours = engine.containers(Role::Daemon).await?;
    if asked.is_empty() || asked == DAEMON {
        let newest = ours.into_iter().find(|container| container.running);
        return newest.ok_or_else(|| {
            Failure::new(Kind::Missing, "read the logs of the daemon").saw("it runs in no container of this engine")
        });
    }
    ours.extend(engine.containers(Role::Edge).await?);
    ours.extend(engine.containers(Role::App).await?);
    let names: Vec<String> = ours.iter().map(|container| container.name.clone()).collect();
    let is_asked = |it: &Container| it.name == asked || (asked.len() >= 12 && it.id.starts_with(asked));
    ours.into_iter().find(is_asked).ok_or_else(|| {
        let failure = Failure::new(Kind::Missing, format!("read the logs of {asked}"));
        failure.saw(format!("there is no such container of ours; there are {}", names.join(", ")))
    })
}

/// Answers with a WebSocket of lines, which ends at the latest when the session does.
fn follow(
    upgrade: WebSocketUpgrade,
    lines: LogStream,
    session_ended: impl Future<Output = ()> + Send + 'static,
) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let close = tokio::select! {
            () = carry(&mut socket, lines) => None,
            () = session_ended => Some(CloseFrame { code: close_code::POLICY, reason: SESSION_ENDED.into() }),
        };
        // the client may have gone away as well
        let _ = timeout(GONE, socket.send(Message::Close(close))).await;
    })
}

/// Carries lines to a client until they or the client end.
async fn carry(socket: &mut WebSocket, mut lines: LogStream) {
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            line = lines.next() => match line {
                Some(Ok(line)) => Message::Text(line.into()),
                Some(Err(failure)) => Message::Text(failure.to_string().into()),
                None => return,
            },
            _ = pings.tick() => {
                if heard.elapsed() > GONE {
                    return;
                }
                Message::Ping(Vec::new().into())
            }
            // clients have nothing to say but that they are there, and that they go
            said = socket.recv() => match said {
                Some(Ok(message)) if !matches!(message, Message::Close(_)) => {
                    heard = Instant::now();
                    continue;
                }
                _ => return,
            },
        };
        // a client that reads nothing must not hold the container's output for ever
        if !matches!(timeout(GONE, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
