//! POST /down.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, App};
use crate::error::Result;

pub(super) async fn down(State(app): State<App>) -> Result<Answer> {
    let removed = app.deployer.down().await?;
    Ok(Answer::new(StatusCode::OK, "the project is down").with(json!({ "removed": removed })))
}
