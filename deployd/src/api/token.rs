//! GET /token.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, App};
use crate::auth::{ADMIN_TOKEN_LIFETIME, Level};
use crate::error::Result;
use crate::store::Session;

pub(super) async fn token(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Answer> {
    let token = app.tokens.issue(&session.user, Level::Admin, ADMIN_TOKEN_LIFETIME)?;
    Ok(Answer::new(StatusCode::OK, "a new admin token").with(json!({ "token": token })))
}
