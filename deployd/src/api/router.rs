//! The table of routes.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};

use super::{Access, App, access, down, envelope, logs, status, token, up, web};

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
    let page = web::FILES.iter().map(|file| {
        let handler = get(move |request: Request| async move { web::serve(file, &request) });
        route(Method::GET, file.path, Access::Anyone, handler)
    });
    let mut routes = vec![
        route(Method::GET, "/", Access::Anyone, get(alive)),
        route(Method::GET, "/status", Access::User, get(status::status)),
        route(Method::GET, "/logs", Access::User, get(logs::logs)),
        route(Method::POST, "/up", Access::Admin, post(up::up)),
        route(Method::POST, "/down", Access::Admin, post(down::down)),
        route(Method::GET, "/token", Access::Admin, get(token::token)),
        route(Method::GET, "/web/session", Access::User, get(web::session)),
        route(Method::POST, "/web/logout", Access::Anyone, post(web::logout)),
    ];
    routes.extend(page);
    routes
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
    router
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn(envelope::wrap))
        .layer(from_fn(web::protect))
        .with_state(app)
}

/// Whether the daemon is there; the answer is empty. A browser that opens the address is sent to the page.
async fn alive(headers: HeaderMap) -> Response {
    let vary = [(header::VARY, header::ACCEPT.as_str())];
    if web::prefers_html(&headers) {
        return (vary, Redirect::to(web::PAGE)).into_response();
    }
    (StatusCode::OK, vary).into_response()
}
