//! GET /token.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde_json::json;

use super::access::Credential;
use super::{Answer, App};
use crate::auth::{ADMIN_TOKEN_LIFETIME, Level};
use crate::error::{Failure, Kind, Result};
use crate::store::Session;

pub(super) async fn token(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Extension(credential): Extension<Credential>,
) -> Result<Answer> {
    if credential == Credential::Cookie {
        // the page's script never sees a token that would outlive the page
        let failure = Failure::new(Kind::Forbidden, "a new admin token").saw("the request has the web page's session");
        return Err(failure.hint("on the machine: docker exec deployd deployd token"));
    }
    let token = app.tokens.issue(&session.user, Level::Admin, ADMIN_TOKEN_LIFETIME)?;
    Ok(Answer::new(StatusCode::OK, "a new admin token").with(json!({ "token": token })))
}
