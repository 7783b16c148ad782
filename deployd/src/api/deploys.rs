//! GET /deploys.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, App};
use crate::error::Result;

/// The history of deploys.
#[utoipa::path(get, path = "/deploys", responses((status = 200, description = "`data.deploys[]`, the newest first")))]
pub(super) async fn deploys(State(app): State<App>) -> Result<Answer> {
    let deploys = app.deployer.history()?;
    Ok(Answer::new(StatusCode::OK, "the deploys, the newest first").with(json!({ "deploys": deploys })))
}
