//! GET /status.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, App};
use crate::error::Result;

/// What is deployed, what runs, and how the last deploy ended.
#[utoipa::path(get, path = "/status", responses((status = 200, description = "`data.status`")))]
pub(super) async fn status(State(app): State<App>) -> Result<Answer> {
    let status = app.deployer.status().await?;
    Ok(Answer::new(StatusCode::OK, "status").with(json!({ "status": status })))
}
