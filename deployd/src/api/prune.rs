//! POST /prune.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, App};
use crate::error::Result;

/// Removes containers, images and volumes of the project that nothing needs any more.
#[utoipa::path(post, path = "/prune", responses((status = 200, description = "`data.removed` names what went")))]
pub(super) async fn prune(State(app): State<App>) -> Result<Answer> {
    let removed = app.deployer.prune().await?;
    let count = removed.containers.len() + removed.images.len() + removed.volumes.len();
    Ok(Answer::new(StatusCode::OK, format!("removed {count}")).with(json!({ "removed": removed })))
}
