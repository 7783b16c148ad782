//! POST /rollback.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{App, up};
use crate::error::{Failure, Kind, Result};

/// The body, which may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RollbackRequest {
    stream: bool,
}

/// Answers as POST /up does.
pub(super) async fn rollback(State(app): State<App>, body: Bytes) -> Result<Response> {
    let request = if body.trim_ascii().is_empty() {
        RollbackRequest::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Failure::new(Kind::Invalid, "read the body as JSON").saw(error))?
    };
    up::answer(app.deployer.submit_rollback(), request.stream).await
}
