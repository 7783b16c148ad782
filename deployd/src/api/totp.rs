//! POST /user/totp/enable, POST /user/totp/disable.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, App};
use crate::error::Result;
use crate::store::Session;

/// Makes logins of the caller need a one-time code.
#[utoipa::path(post, path = "/user/totp/enable", responses(
    (status = 200, description = "`data.totp.secret` for the user's device and `data.totp.backup_codes`, told this once"),
    (status = 404, description = "the token was made on the machine and is nobody's"),
    (status = 409, description = "it is enabled already"),
))]
pub(super) async fn enable(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Answer> {
    let enrolment = app.users.enable_codes(&session.user)?;
    let totp = json!({ "secret": enrolment.secret, "backup_codes": enrolment.backup_codes });
    Ok(Answer::new(StatusCode::OK, "logins need a one-time code from now on").with(json!({ "totp": totp })))
}

/// Makes logins of the caller need no one-time code any more.
#[utoipa::path(post, path = "/user/totp/disable", responses(
    (status = 200, description = "the secret and the backup codes are gone"),
    (status = 404, description = "the token was made on the machine and is nobody's"),
    (status = 409, description = "it is not enabled"),
))]
pub(super) async fn disable(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Answer> {
    app.users.disable_codes(&session.user)?;
    Ok(Answer::new(StatusCode::OK, "logins need no one-time code any more"))
}
