//! GET /user/list, POST /user/add, POST /user/remove, POST /user/reset.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::body::JsonBody;
use super::{Answer, App};
use crate::auth::Level;
use crate::error::Result;

/// The body of POST /user/add.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct AddRequest {
    /// The user's name.
    username: String,
    /// The password.
    password: String,
    /// Whether they may do everything; else they may read.
    admin: bool,
}

/// The body of POST /user/remove.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct RemoveRequest {
    /// The user's name.
    username: String,
}

/// Who may log in.
#[utoipa::path(get, path = "/user/list", responses(
    (status = 200, description = "`data.users`, their names; `data.details`, the same with level and second factor"),
))]
pub(super) async fn list(State(app): State<App>) -> Result<Answer> {
    let users = app.users.list()?;
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    let details: Vec<Value> = users
        .iter()
        .map(|user| {
            let (admin, totp) = (user.level == Level::Admin, user.second_factor.is_some());
            json!({ "username": user.name, "admin": admin, "totp": totp, "created_at": user.created_at })
        })
        .collect();
    Ok(Answer::new(StatusCode::OK, "users").with(json!({ "users": names, "details": details })))
}

/// Adds a user.
#[utoipa::path(post, path = "/user/add", request_body = AddRequest, responses(
    (status = 201, description = "the user may log in"),
    (status = 400, description = "a name or a password that is not allowed"),
    (status = 409, description = "the name is taken"),
))]
pub(super) async fn add(State(app): State<App>, JsonBody(request): JsonBody<AddRequest>) -> Result<Answer> {
    let level = if request.admin { Level::Admin } else { Level::User };
    app.users.add(&request.username, &request.password, level).await?;
    Ok(Answer::new(StatusCode::CREATED, format!("{} may log in", request.username)))
}

/// Removes a user; their tokens end at once.
#[utoipa::path(post, path = "/user/remove", request_body = RemoveRequest, responses(
    (status = 200, description = "the user and their sessions are gone"),
    (status = 404, description = "there is no such user"),
))]
pub(super) async fn remove(State(app): State<App>, JsonBody(request): JsonBody<RemoveRequest>) -> Result<Answer> {
    app.users.remove(&request.username)?;
    Ok(Answer::new(StatusCode::OK, format!("{} is removed, and logged out everywhere", request.username)))
}

/// Removes all users; their tokens end at once, those made on the machine stay.
#[utoipa::path(post, path = "/user/reset", responses(
    (status = 200, description = "`data.removed` says how many there were"),
))]
pub(super) async fn reset(State(app): State<App>) -> Result<Answer> {
    let removed = app.users.remove_all()?;
    Ok(Answer::new(StatusCode::OK, "there are no users any more").with(json!({ "removed": removed })))
}
