//! Who may use a route.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;

use super::{App, web};
use crate::auth::Level;
use crate::error::{Failure, Kind, Result};
use crate::store::Session;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Anyone,
    /// Whoever has a token.
    User,
    /// Whoever has an admin's token.
    Admin,
}

/// How a request showed who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    /// A token in the header Authorization.
    Bearer,
    /// The cookie of the web page.
    Cookie,
}

/// Lets a request through if its token allows what the route demands.
pub(super) async fn guard(
    State((app, access)): State<(App, Access)>,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let demanded = match access {
        Access::Anyone => return Ok(next.run(request).await),
        Access::User => Level::User,
        Access::Admin => Level::Admin,
    };
    let (session, credential) = session(&app, &request)?;
    if session.level < demanded {
        let failure = Failure::new(Kind::Forbidden, "this needs an admin's token");
        return Err(failure.saw(format!("the token of {} is a user's", session.user)));
    }
    request.extensions_mut().insert(session);
    request.extensions_mut().insert(credential);
    Ok(next.run(request).await)
}

fn session(app: &App, request: &Request) -> Result<(Session, Credential)> {
    let refused = |saw: &str| {
        let failure = Failure::new(Kind::Unauthorized, "this needs a token").saw(saw);
        Err(failure.hint("send the header Authorization: Bearer TOKEN"))
    };
    let Some(value) = request.headers().get(header::AUTHORIZATION) else {
        let Some(token) = web::cookie_token(request.headers()) else { return refused("there is none") };
        web::demand_own(request)?;
        return Ok((app.tokens.verify(token)?, Credential::Cookie));
    };
    let Some((scheme, token)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
        return refused("the header Authorization cannot be read");
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return refused("the header Authorization is not a bearer's");
    }
    Ok((app.tokens.verify(token.trim())?, Credential::Bearer))
}
