//! POST /reset.

use axum::extract::State;
use axum::http::StatusCode;

use super::{Answer, App};
use crate::error::Result;

/// Forgets the project: what it ran, built and kept in /persist, its variables and its history. Users stay.
#[utoipa::path(post, path = "/reset", responses((status = 200, description = "the project is forgotten")))]
pub(super) async fn reset(State(app): State<App>) -> Result<Answer> {
    app.deployer.reset().await?;
    Ok(Answer::new(StatusCode::OK, "the project is forgotten; users and the webhook secret stay"))
}
