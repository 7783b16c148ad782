//! POST /down.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, App};
use crate::error::Result;

/// Stops the project and closes its public port; what it keeps in /persist stays.
#[utoipa::path(post, path = "/down", responses(
    (status = 200, description = "`data.removed` names its containers"),
    (status = 412, description = "nothing is running"),
))]
pub(super) async fn down(State(app): State<App>) -> Result<Answer> {
    let removed = app.deployer.down().await?;
    Ok(Answer::new(StatusCode::OK, "the project is down").with(json!({ "removed": removed })))
}
