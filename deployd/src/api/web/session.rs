//! The page's session: begun by a login, kept in a cookie that scripts cannot read, ended by a logout.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::{cookie, demand_own};
use crate::api::body::JsonBody;
use crate::api::client::Client;
use crate::api::login::{self, LoginRequest};
use crate::api::{Answer, App};
use crate::error::Result;

/// Where the page is.
pub const PAGE: &str = "/web";

/// Opens a session of the web page. Nothing of the answer's body opens anything.
#[utoipa::path(post, path = "/web/login", request_body = LoginRequest, responses(
    (status = 200, description = "the token is in a cookie; `data.username`, `data.admin`, `data.expires_at`"),
    (status = 400, description = "the name or the password is missing"),
    (status = 401, description = "the name, the password or the code is wrong"),
    (status = 403, description = "the request is not the page's"),
    (status = 417, description = "the password is right, and a one-time code has to come with it"),
    (status = 429, description = "too many failed attempts; `Retry-After` says how long to wait"),
))]
pub async fn login(
    State(app): State<App>,
    Client(from): Client,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(request): JsonBody<LoginRequest>,
) -> Result<Response> {
    // else another site could log a browser in as somebody else
    demand_own(&headers, &uri)?;
    let token = login::open(&app, from, request).await?;
    let session = app.tokens.verify(&token)?;
    let answer = Answer::new(StatusCode::OK, "logged in").with(login::describe(&session));
    Ok(([(header::SET_COOKIE, cookie::set(&token)?)], answer).into_response())
}

/// Ends the session of the web page at once, and makes the browser forget it.
#[utoipa::path(post, path = "/web/logout", responses(
    (status = 200, description = "the session, if there was one, has ended"),
    (status = 403, description = "the request is not the page's"),
))]
pub async fn logout(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response> {
    if let Some(token) = cookie::token(&headers) {
        demand_own(&headers, &uri)?;
        app.tokens.end(token)?;
    }
    Ok(([(header::SET_COOKIE, cookie::forget())], Answer::new(StatusCode::OK, "logged out")).into_response())
}
