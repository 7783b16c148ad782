//! GET /logs.

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::{Answer, App};
use crate::engine::{Container, LogStream, Role};
use crate::error::{Failure, Kind, Result};

/// How many lines may be asked for.
const MOST: usize = 10_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct LogsQuery {
    /// Its name, or the beginning of its id; without it the version that serves.
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
    (status = 101, description = "with `stream` a WebSocket: a text frame per line"),
    (status = 200, description = "`data.logs`, line by line"),
    (status = 400, description = "the query cannot be read, or `stream` comes without a WebSocket"),
    (status = 404, description = "there is no such container"),
))]
pub(super) async fn logs(
    State(app): State<App>,
    Query(query): Query<LogsQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response> {
    let engine = &app.deployer.context().engine;
    let entries = query.entries.clamp(1, MOST);
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
    Ok(upgrade.on_upgrade(move |socket| carry(socket, lines)))
}

/// A container of the project, the edge or the daemon, by its name or the beginning of its id. Without a name it is the
/// version that serves.
async fn find(app: &App, asked: &str) -> Result<Container> {
    let engine = &app.deployer.context().engine;
    let mut ours = engine.containers(Role::App).await?;
    let asked = asked.trim_start_matches('/');
    if asked.is_empty() {
        let serving = app.deployer.context().store.serving()?.map(|deploy| deploy.id);
        let found = ours.into_iter().find(|container| container.deploy == serving && serving.is_some());
        return found.ok_or_else(|| Failure::new(Kind::Missing, "read the logs").saw("no version of a project serves"));
    }
    ours.extend(engine.containers(Role::Edge).await?);
    ours.extend(engine.containers(Role::Daemon).await?);
    let names: Vec<String> = ours.iter().map(|container| container.name.clone()).collect();
    let is_asked = |it: &Container| it.name == asked || (asked.len() >= 12 && it.id.starts_with(asked));
    ours.into_iter().find(is_asked).ok_or_else(|| {
        let failure = Failure::new(Kind::Missing, format!("read the logs of {asked}"));
        failure.saw(format!("there is no such container of ours; there are {}", names.join(", ")))
    })
}

async fn carry(mut socket: WebSocket, mut lines: LogStream) {
    loop {
        tokio::select! {
            line = lines.next() => {
                let text = match line {
                    Some(Ok(line)) => line,
                    Some(Err(failure)) => failure.to_string(),
                    None => break,
                };
                if socket.send(Message::Text(text.into())).await.is_err() {
                    return;
                }
            }
            // only its end matters: clients have nothing to say
            said = socket.recv() => if !matches!(said, Some(Ok(message)) if !matches!(message, Message::Close(_))) {
                return;
            },
        }
    }
    // the container has ended; the client may have gone away as well
    let _ = socket.send(Message::Close(None)).await;
}
