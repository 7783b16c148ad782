//! POST /reset.

use axum::extract::State;
use axum::http::StatusCode;

use super::{Answer, App};
use crate::error::Result;

pub(super) async fn reset(State(app): State<App>) -> Result<Answer> {
    app.deployer.reset().await?;
    Ok(Answer::new(StatusCode::OK, "the project is forgotten; users and the webhook secret stay"))
}
