//! POST /webhook.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::timeout;
use ulid::Ulid;

use super::{Answer, App};
use crate::deployment::UpRequest;
use crate::error::{Failure, Kind, Result};
use crate::store::{Acceptance, Marks, Promise};
use crate::webhook::{Decision, Delivery, decide, read};

/// How large a body may be.
const BODY: usize = 1024 * 1024;
/// How much more of a body that is too large is read and thrown away, so that its sender gets to read the answer.
const SURPLUS: usize = 16 * 1024 * 1024;
/// How long a body may take.
const ARRIVAL: Duration = Duration::from_secs(20);

/// Tells of a push, as GitHub, GitLab, Bitbucket or Docker Hub do; signed with the webhook secret.
#[utoipa::path(post, path = "/webhook", responses(
    (status = 202, description = "accepted; `data.deploy` says whether it deploys, which goes on behind"),
    (status = 400, description = "signed, and not to be understood"),
    (status = 401, description = "no signature, or another secret's"),
    (status = 409, description = "this delivery was accepted before"),
    (status = 413, description = "the body is larger than 1 MiB"),
))]
pub(super) async fn webhook(State(app): State<App>, request: Request) -> Result<Answer, Answer> {
    let (parts, body) = request.into_parts();
    let Ok(collected) = timeout(ARRIVAL, collect(body)).await else {
        let saw = format!("the body did not arrive within {} s", ARRIVAL.as_secs());
        return Err(refused(StatusCode::REQUEST_TIMEOUT, saw));
    };
    let body = collected?;
    let secret = app.deployer.context().store.webhook_secret()?;
    let delivery = read(&parts.headers, parts.uri.query(), &body, &secret)?;
    Ok(accept(&app, delivery)?)
}

/// Takes what is signed: once, and with its promise in the store before the answer says so.
fn accept(app: &App, delivery: Delivery) -> Result<Answer> {
    let Delivery { provider, event, id, body } = delivery;
    let store = &app.deployer.context().store;
    let decision = decide(&event, store.project()?.as_ref());
    let promise = match &decision {
        Decision::Deploy { before, commit } => Some(Promise {
            id: Ulid::new().to_string().to_lowercase(),
            from: provider.to_string(),
            before: before.clone(),
            commit: commit.clone(),
        }),
        Decision::Ignore(_) => None,
    };
    if let Acceptance::Replay(at) = store.accept_delivery(&Marks { id, body }, promise.as_ref())? {
        let failure = Failure::new(Kind::Conflict, "the webhook was refused");
        let saw = format!("this delivery was accepted already, at {}", at.strftime("%FT%TZ"));
        return Err(failure.saw(saw).hint("push again, or POST /up, to deploy once more"));
    }
    let (deploys, message) = match decision {
        Decision::Deploy { commit, .. } => {
            tracing::info!(from = %provider, commit, "a webhook asks for a deploy");
            // it goes on without this ticket
            drop(app.deployer.submit(UpRequest::again()));
            (true, "accepted, the deploy begins".to_owned())
        }
        Decision::Ignore(why) => {
            tracing::info!(from = %provider, why, "a webhook was accepted without a deploy");
            (false, format!("accepted, no deploy: {why}"))
        }
    };
    Ok(Answer::new(StatusCode::ACCEPTED, message).with(json!({ "deploy": deploys })))
}

/// The body, if it is not too large.
async fn collect(body: Body) -> Result<Vec<u8>, Answer> {
    let mut pieces = body.into_data_stream();
    let (mut taken, mut length) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| refused(StatusCode::BAD_REQUEST, format!("the body broke off: {error}")))?;
        length += piece.len();
        if length <= BODY {
            taken.extend_from_slice(&piece);
        } else if length > BODY + SURPLUS {
            break;
        } else {
            taken = Vec::new();
        }
    }
    if length > BODY {
        return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {BODY} bytes")));
    }
    Ok(taken)
}

fn refused(code: StatusCode, saw: String) -> Answer {
    Answer { code, message: "the webhook was refused".into(), error: Some(saw), data: None }
}
