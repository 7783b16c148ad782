//! The page's session: begun by a login, kept in a cookie that scripts cannot read, ended by a logout.

use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{cookie, demand_own};
use crate::api::{Answer, App};
use crate::error::Result;
use crate::store::Session;

/// Where the page is.
pub const PAGE: &str = "/web";

/// GET /web/session: whose session it is, for the page to know what to offer.
pub async fn session(Extension(session): Extension<Session>) -> Answer {
    Answer::new(StatusCode::OK, "a session").with(json!({ "user": session.user, "level": session.level }))
}

/// POST /web/logout: ends the session at once, and makes the browser forget it. Without one there is nothing to end.
pub async fn logout(State(app): State<App>, request: Request) -> Result<Response> {
    if let Some(token) = cookie::token(request.headers()) {
        demand_own(&request)?;
        app.tokens.end(token)?;
    }
    Ok(([(header::SET_COOKIE, cookie::forget())], Answer::new(StatusCode::OK, "logged out")).into_response())
}
