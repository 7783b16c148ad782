//! GET /token.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde_json::json;

use super::access::{Credential, SessionId};
use super::{Answer, App};
use crate::auth::{ADMIN_TOKEN_LIFETIME, Level};
use crate::error::{Failure, Kind, Result};
use crate::store::Session;

/// A token for machines. It ends with the user who asked for it.
#[utoipa::path(get, path = "/token", responses((status = 200, description = "`data.token`")))]
pub(super) async fn token(
    State(app): State<App>,
    Extension(SessionId(id)): Extension<SessionId>,
    Extension(session): Extension<Session>,
    Extension(credential): Extension<Credential>,
) -> Result<Answer> {
    if credential == Credential::Cookie {
        // a script of the page gets no token that it could keep
        let failure = Failure::new(Kind::Forbidden, "make a token").saw("the request has the web page's session");
        return Err(failure.hint("on the machine: docker exec deployd deployd token"));
    }
    let token = app.tokens.issue_beside(&id, &session.user, Level::Admin, ADMIN_TOKEN_LIFETIME)?;
    Ok(Answer::new(StatusCode::OK, "a new admin token").with(json!({ "token": token })))
}
