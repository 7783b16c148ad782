//! POST /up.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::access::{SESSION_ENDED, SessionId};
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
    (status = 409, description = "a newer deploy took its place, or something else on the machine has the port"),
    (status = 412, description = "the git host lets nobody in with `data.public_key`, or this machine serves another remote"),
    (status = 500, description = "build, start or health failed: `data.lines` holds the last lines"),
    (status = 504, description = "the git host cannot be reached, or did not answer in time"),
))]
pub(super) async fn up(
    State(app): State<App>,
    Extension(SessionId(session)): Extension<SessionId>,
    JsonBody(request): JsonBody<UpRequest>,
) -> Result<Response> {
    let streamed = request.stream;
    answer(app.deployer.submit(request), streamed, app.tokens.clone().ended(session)).await
}

/// The answer to whoever asked for a deploy. A streamed one ends at the latest when the session does; the deploy goes on.
pub(super) async fn answer(
    ticket: Ticket,
    streamed: bool,
    session_ended: impl Future<Output = ()> + Send + 'static,
) -> Result<Response> {
    if streamed {
        return follow(ticket, session_ended).await;
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

async fn follow(mut ticket: Ticket, session_ended: impl Future<Output = ()> + Send + 'static) -> Result<Response> {
    let mut session_ended = Box::pin(session_ended);
    let held = tokio::select! {
        held = hold_back(&mut ticket) => held?,
        () = &mut session_ended => {
            let failure = Failure::new(Kind::Unauthorized, "follow the deploy").saw(SESSION_ENDED);
            return Err(failure.hint("the deploy goes on; GET /status tells how it ends"));
        }
    };
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(lines(held, ticket, session_ended))).into_response())
}

/// The lines before the build, or why it never came to one.
async fn hold_back(ticket: &mut Ticket) -> Result<Vec<String>> {
    let mut held = Vec::new();
    let end = Instant::now() + HELD_BACK;
    loop {
        match timeout_at(end, ticket.events.recv()).await {
            Ok(Some(Event::Line(line))) => held.push(line),
            Ok(Some(Event::Building)) | Err(_) => return Ok(held),
            Ok(None) => {
                // it ended before the build
                let failed = ended((&mut ticket.done).await);
                let (sender, done) = tokio::sync::oneshot::channel();
                let _ = sender.send(Ok(failed?));
                ticket.done = done;
                return Ok(held);
            }
        }
    }
}

fn lines(
    held: Vec<String>,
    ticket: Ticket,
    session_ended: impl Future<Output = ()> + Unpin,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let state = Some((held.into_iter(), ticket, session_ended));
    stream::unfold(state, |state| async move {
        let (mut held, mut ticket, mut session_ended) = state?;
        let (line, last) = tokio::select! {
            biased;
            () = &mut session_ended => (format!("{SESSION_ENDED}; the deploy goes on"), true),
            next = next_line(&mut held, &mut ticket) => next,
        };
        let state = (!last).then_some((held, ticket, session_ended));
        Some((Ok(Bytes::from(line + "\n")), state))
    })
}

/// The next line, and whether it is the last one.
async fn next_line(held: &mut std::vec::IntoIter<String>, ticket: &mut Ticket) -> (String, bool) {
    if let Some(line) = held.next() {
        return (line, false);
    }
    loop {
        match ticket.events.recv().await {
            Some(Event::Line(line)) => return (line, false),
            Some(Event::Building) => {}
            None => return (last_line(&ended((&mut ticket.done).await)), true),
        }
    }
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
