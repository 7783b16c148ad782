//! The table of routes.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};

use super::{Access, App, access, deploys, down, envelope, logs, prune, reset, rollback, status, token, up};

/// How large a body may be.
const BODY: usize = 1024 * 1024;

struct Route {
    info: RouteInfo,
    handler: MethodRouter<App>,
}

/// A route as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Every route of the interface; a route without an entry here does not exist.
fn routes() -> Vec<Route> {
    let route = |method, path, access, handler| Route { info: RouteInfo { method, path, access }, handler };
    vec![
        route(Method::GET, "/", Access::Anyone, get(alive)),
        route(Method::GET, "/status", Access::User, get(status::status)),
        route(Method::GET, "/logs", Access::User, get(logs::logs)),
        route(Method::POST, "/up", Access::Admin, post(up::up)),
        route(Method::POST, "/down", Access::Admin, post(down::down)),
        route(Method::GET, "/deploys", Access::User, get(deploys::deploys)),
        route(Method::POST, "/rollback", Access::Admin, post(rollback::rollback)),
        route(Method::POST, "/reset", Access::Admin, post(reset::reset)),
        route(Method::POST, "/prune", Access::Admin, post(prune::prune)),
        route(Method::GET, "/token", Access::Admin, get(token::token)),
    ]
}

/// Every route as clients see it.
#[must_use]
pub fn route_table() -> Vec<RouteInfo> {
    routes().into_iter().map(|route| route.info).collect()
}

/// The interface.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for Route { info, handler } in routes() {
        let guard = from_fn_with_state((app.clone(), info.access), access::guard);
        router = router.route(info.path, handler.route_layer(guard));
    }
    router.layer(DefaultBodyLimit::max(BODY)).layer(from_fn(envelope::wrap)).with_state(app)
}

/// Whether the daemon is there; the answer is empty.
async fn alive() -> StatusCode {
    StatusCode::OK
}
