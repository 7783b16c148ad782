//! POST /user/login, POST /user/logout, GET /user/validate.

use std::net::IpAddr;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::body::JsonBody;
use super::client::Client;
use super::{Answer, App, access};
use crate::auth::{Credentials, Level};
use crate::error::{Failure, Kind, Result};
use crate::store::Session;

/// The body of POST /user/login.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct LoginRequest {
    /// The user's name.
    username: String,
    /// The password.
    password: String,
    /// A one-time code or a backup code, if the user needs one.
    totp: Option<String>,
}

/// Opens a session.
#[utoipa::path(post, path = "/user/login", request_body = LoginRequest, responses(
    (status = 200, description = "`data.token`"),
    (status = 400, description = "the name or the password is missing"),
    (status = 401, description = "the name, the password or the code is wrong"),
    (status = 417, description = "the password is right, and a one-time code has to come with it"),
    (status = 429, description = "too many failed attempts; `Retry-After` says how long to wait"),
))]
pub(super) async fn login(
    State(app): State<App>,
    Client(from): Client,
    JsonBody(request): JsonBody<LoginRequest>,
) -> Result<Answer> {
    let token = open(&app, from, request).await?;
    Ok(Answer::new(StatusCode::OK, "logged in").with(json!({ "token": token })))
}

/// Opens a session; answers its token.
pub(super) async fn open(app: &App, from: IpAddr, request: LoginRequest) -> Result<String> {
    let LoginRequest { username, password, totp } = request;
    if username.is_empty() || password.is_empty() {
        return Err(Failure::new(Kind::Invalid, "log in").saw("username or password is missing"));
    }
    app.users.log_in(Credentials { username, password, code: totp }, from).await
}

/// Ends the session of the token that comes along.
#[utoipa::path(post, path = "/user/logout", responses(
    (status = 200, description = "the token, if there was one, is not valid any more"),
))]
pub(super) async fn logout(State(app): State<App>, headers: HeaderMap) -> Result<Answer> {
    let ended = match access::token(&headers) {
        Ok(token) => app.tokens.end(token)?,
        Err(_) => false,
    };
    let message = if ended { "logged out" } else { "nobody was logged in with this token" };
    Ok(Answer::new(StatusCode::OK, message))
}

/// Whether the token is valid, and whose it is.
#[utoipa::path(get, path = "/user/validate", responses(
    (status = 200, description = "`data.username`, `data.admin`, `data.expires_at`"),
))]
pub(super) async fn validate(Extension(session): Extension<Session>) -> Answer {
    Answer::new(StatusCode::OK, "the token is valid").with(describe(&session))
}

/// Whose session it is.
pub(super) fn describe(session: &Session) -> Value {
    let admin = session.level == Level::Admin;
    json!({ "username": session.user, "admin": admin, "expires_at": session.expires_at })
}
