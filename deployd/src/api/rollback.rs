//! POST /rollback.

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Deserialize;

use super::access::SessionId;
use super::{App, up};
use crate::error::{Failure, Kind, Result};

/// The body, which may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RollbackRequest {
    stream: bool,
}

/// Returns to the deploy before the one that serves; answers as POST /up does.
#[utoipa::path(post, path = "/rollback", responses(
    (status = 201, description = "the deploy before serves; with `stream` the progress as plain text, status 200"),
    (status = 412, description = "there is no deploy to return to"),
))]
pub(super) async fn rollback(
    State(app): State<App>,
    Extension(SessionId(session)): Extension<SessionId>,
    body: Bytes,
) -> Result<Response> {
    let request = if body.trim_ascii().is_empty() {
        RollbackRequest::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Failure::new(Kind::Invalid, "read the body as JSON").saw(error))?
    };
    up::answer(app.deployer.submit_rollback(), request.stream, app.tokens.clone().ended(session)).await
}
