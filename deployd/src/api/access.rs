//! Who may use a route.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::{App, web};
use crate::auth::Level;
use crate::error::{Failure, Kind, Result};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Anyone,
    /// Whoever knows the webhook secret; the handler verifies it, because it covers the body.
    Signed,
    /// Whoever has a token.
    User,
    /// Whoever has an admin's token.
    Admin,
}

impl Access {
    /// The word for it in the description of the interface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Signed => "signed",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// The id of the session that a request is part of; handlers find it beside the session.
#[derive(Debug, Clone)]
pub(super) struct SessionId(pub(super) String);

/// Why an answer that lasts ended early.
pub(super) const SESSION_ENDED: &str = "your session has ended";

/// How a request shows who sends it.
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
        Access::Anyone | Access::Signed => return Ok(next.run(request).await),
        Access::User => Level::User,
        Access::Admin => Level::Admin,
    };
    let (token, credential) = credential(&request)?;
    let (id, session) = app.tokens.find(token)?;
    if session.level < demanded {
        let failure = Failure::new(Kind::Forbidden, "this needs an admin's token");
        return Err(failure.saw(format!("the token of {} is a user's", session.user)));
    }
    request.extensions_mut().insert(SessionId(id));
    request.extensions_mut().insert(session);
    request.extensions_mut().insert(credential);
    Ok(next.run(request).await)
}

/// The token of a request, and how it came. A cookie, which a browser sends whoever asks it to, counts for the page only.
fn credential(request: &Request) -> Result<(&str, Credential)> {
    let headers = request.headers();
    match web::cookie_token(headers) {
        Some(token) if !headers.contains_key(header::AUTHORIZATION) => {
            web::demand_own(headers, request.uri())?;
            Ok((token, Credential::Cookie))
        }
        _ => Ok((token(headers)?, Credential::Bearer)),
    }
}

/// The token that a request brings along.
pub(super) fn token(headers: &HeaderMap) -> Result<&str> {
    let refused = |saw: &str| {
        let failure = Failure::new(Kind::Unauthorized, "this needs a token").saw(saw);
        Err(failure.hint("send the header Authorization: Bearer TOKEN"))
    };
    let Some(value) = headers.get(header::AUTHORIZATION) else { return refused("there is none") };
    let Some((scheme, token)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
        return refused("the header Authorization cannot be read");
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return refused("the header Authorization is not a bearer's");
    }
    Ok(token.trim())
}
