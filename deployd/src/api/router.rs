//! The table of routes.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use super::{
    Access, App, access, deploys, down, env, envelope, login, logs, openapi, prune, reset, rollback, status, token,
    totp, up, users, web, webhook,
};

/// How large a body may be.
const BODY: usize = 1024 * 1024;

/// A handler with its own description, and who may use it.
pub(super) struct Route {
    pub(super) access: Access,
    pub(super) handler: UtoipaMethodRouter<App>,
}

/// Every route of the interface; a route without a line here does not exist.
///
/// A new route is a handler with `#[utoipa::path(post, path = "/prune", responses((status = 200, description = "…")))]`,
/// which says its method, its path and its own answers (the envelope, 401 and 403 come by themselves); a line here, which
/// says who may use it; and a rule in `tests/access.toml`, which says what each caller gets: the tests fail without.
pub(super) fn routes() -> Vec<Route> {
    let route = |access, handler| Route { access, handler };
    vec![
        route(Access::Anyone, routes!(alive)),
        route(Access::Anyone, routes!(openapi::serve)),
        route(Access::Signed, routes!(webhook::webhook)),
        route(Access::User, routes!(status::status)),
        route(Access::User, routes!(logs::logs)),
        route(Access::Admin, routes!(up::up)),
        route(Access::Admin, routes!(down::down)),
        route(Access::User, routes!(deploys::deploys)),
        route(Access::Admin, routes!(rollback::rollback)),
        route(Access::Admin, routes!(reset::reset)),
        route(Access::Admin, routes!(prune::prune)),
        route(Access::Admin, routes!(env::list)),
        route(Access::Admin, routes!(env::change)),
        route(Access::Admin, routes!(token::token)),
        route(Access::Anyone, routes!(login::login)),
        route(Access::Anyone, routes!(login::logout)),
        route(Access::User, routes!(login::validate)),
        route(Access::User, routes!(totp::enable)),
        route(Access::User, routes!(totp::disable)),
        route(Access::Admin, routes!(users::list)),
        route(Access::Admin, routes!(users::add)),
        route(Access::Admin, routes!(users::remove)),
        route(Access::Admin, routes!(users::reset)),
        route(Access::Anyone, routes!(web::session::login)),
        route(Access::Anyone, routes!(web::session::logout)),
    ]
}

/// The interface.
pub fn router(app: App) -> Router {
    let mut router = OpenApiRouter::new();
    for Route { access, handler } in routes() {
        let guard = from_fn_with_state((app.clone(), access), access::guard);
        router = router.routes(handler.map(|handler| handler.route_layer(guard)));
    }
    Router::from(router)
        // whoever finds the daemon finds its page, so its files are no part of the table
        .merge(web::files())
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn(envelope::wrap))
        .layer(from_fn(web::protect))
        .with_state(app)
}

/// Whether the daemon is there. A browser that opens the address is sent to the page.
#[utoipa::path(get, path = "/", responses(
    (status = 200, description = "an empty answer", body = String, content_type = "text/plain"),
    (status = 303, description = "to the web page, for a client that prefers text/html", body = String, content_type = "text/plain"),
))]
async fn alive(headers: HeaderMap) -> Response {
    let vary = [(header::VARY, header::ACCEPT.as_str())];
    if web::prefers_html(&headers) {
        return (vary, Redirect::to(web::PAGE)).into_response();
    }
    (StatusCode::OK, vary).into_response()
}
