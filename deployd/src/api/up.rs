//! POST /up.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::body::JsonBody;
use super::{Answer, App};
use crate::deployment::{Event, Ticket, UpRequest};
use crate::error::{Failure, Kind, Result};
use crate::store::Deploy;

/// For so long a streamed answer is held back, so that what is refused before the build still gets its own code.
const HELD_BACK: Duration = Duration::from_secs(15);

/// Deploys the head of a branch.
#[utoipa::path(post, path = "/up", request_body = UpRequest, responses(
    (status = 200, description = "with `stream` the progress, line by line; the last line begins with \
        `deploy succeeded: ` or `deploy failed: `", body = String, content_type = "text/plain"),
    (status = 201, description = "the new version serves: `data.deploy`"),
    (status = 400, description = "the request or the repository asks for something that cannot be done"),
    (status = 409, description = "a newer deploy took its place"),
    (status = 412, description = "the git host lets nobody in with `data.public_key`, or this machine serves another remote"),
    (status = 500, description = "build, start or health failed: `data.lines` holds the last lines"),
    (status = 504, description = "the git host did not answer in time"),
))]
pub(super) async fn up(State(app): State<App>, JsonBody(request): JsonBody<UpRequest>) -> Result<Response> {
    let streamed = request.stream;
    answer(app.deployer.submit(request), streamed).await
}

/// The answer to whoever asked for a deploy.
pub(super) async fn answer(ticket: Ticket, streamed: bool) -> Result<Response> {
    if streamed {
        return follow(ticket).await;
    }
    let Ticket { events, done } = ticket;
    // nobody reads them here, and a long build must not fill the memory
    drop(events);
    let deploy = ended(done.await)?;
    let port = deploy.serving.as_ref().map(|serving| serving.port);
    let data = json!({ "deploy": {
        "id": deploy.id, "project": deploy.project, "branch": deploy.branch, "commit_hash": deploy.commit_hash,
        "build_type": deploy.build_type, "port": port,
        "started_at": deploy.started_at, "finished_at": deploy.finished_at,
    } });
    Ok(Answer::new(StatusCode::CREATED, succeeded(&deploy)).with(data).into_response())
}

type Ended = std::result::Result<Result<Deploy>, tokio::sync::oneshot::error::RecvError>;

fn ended(done: Ended) -> Result<Deploy> {
    done.unwrap_or_else(|_| Err(Failure::new(Kind::Superseded, "the deploy ended early").saw("the daemon is stopping")))
}

fn succeeded(deploy: &Deploy) -> String {
    let hash = deploy.commit_hash.as_deref().unwrap_or_default();
    let port = deploy.serving.as_ref().map(|serving| serving.port).unwrap_or_default();
    format!("deploy succeeded: {} {} {hash} serves on port {port}", deploy.project, deploy.branch)
}

/// The last line of a streamed answer: it begins with `deploy succeeded: ` or `deploy failed: `.
fn last_line(ended: &Result<Deploy>) -> String {
    match ended {
        Ok(deploy) => succeeded(deploy),
        Err(failure) => {
            let told = failure.to_string().replace(['\n', '\r'], " ");
            let key = failure.deploy_key().map(|key| format!("; deploy key: {key}")).unwrap_or_default();
            format!("deploy failed: {}: {told}{key}", failure.kind().word())
        }
    }
}

async fn follow(mut ticket: Ticket) -> Result<Response> {
    let mut held = Vec::new();
    let end = Instant::now() + HELD_BACK;
    loop {
        match timeout_at(end, ticket.events.recv()).await {
            Ok(Some(Event::Line(line))) => held.push(line),
            Ok(Some(Event::Building)) | Err(_) => break,
            Ok(None) => {
                // it ended before the build
                let failed = ended((&mut ticket.done).await);
                let (sender, done) = tokio::sync::oneshot::channel();
                let _ = sender.send(Ok(failed?));
                ticket.done = done;
                break;
            }
        }
    }
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(lines(held, ticket))).into_response())
}

fn lines(held: Vec<String>, ticket: Ticket) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let state = (held.into_iter(), Some(ticket));
    stream::unfold(state, |(mut held, ticket)| async move {
        let piece = |line: String| Ok(Bytes::from(line + "\n"));
        let mut ticket = ticket?;
        if let Some(line) = held.next() {
            return Some((piece(line), (held, Some(ticket))));
        }
        loop {
            match ticket.events.recv().await {
                Some(Event::Line(line)) => return Some((piece(line), (held, Some(ticket)))),
                Some(Event::Building) => {}
                None => return Some((piece(last_line(&ended(ticket.done.await))), (held, None))),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_one_line() {
        let failure = Failure::new(Kind::Build, "build with Dockerfile").saw("a\nb");
        assert_eq!(last_line(&Err(failure)), "deploy failed: build: build with Dockerfile: a b");
        let refused = Failure::new(Kind::Refused, "fetch").public_key(Some("ssh-ed25519 AAAA".into()));
        assert_eq!(last_line(&Err(refused)), "deploy failed: source: fetch; deploy key: ssh-ed25519 AAAA");
    }
}
