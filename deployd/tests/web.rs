//! The web page as a browser meets it: files, headers, the session in a cookie, and other sites. No engine is needed.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod support;

use axum::body::to_bytes;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use deployd::api::{Access, route_table};
use deployd::auth::Level;
use support::{Daemon, envelope};

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const HOST: (&str, &str) = ("host", "vps:4303");
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
const ORIGIN: (&str, &str) = ("origin", "https://vps:4303");

fn text<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn cookie(daemon: &Daemon, level: Level) -> String {
    format!("theme=dark; __Host-deployd={}", daemon.token(level))
}

#[tokio::test]
async fn every_answer_forbids_what_a_page_does_not_need() {
    let daemon = Daemon::new();
    for (path, code) in [("/web", 200), ("/web/page.js", 200), ("/", 200), ("/status", 401), ("/nope", 404)] {
        let response = daemon.ask(&Method::GET, path, &[], "").await;
        assert_eq!(response.status(), code, "{path}");
        let policy = text(&response, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"));
        assert!(policy.ends_with("frame-ancestors 'none'; base-uri 'none'; form-action 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(text(&response, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(text(&response, "referrer-policy"), "no-referrer", "{path}");
        assert!(!response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY), "{path}");
        let caching = if path.starts_with("/web") { "no-cache" } else { "no-store" };
        assert_eq!(text(&response, "cache-control"), caching, "{path}");
    }
}

#[tokio::test]
async fn a_browser_is_sent_from_the_root_to_the_page_and_another_client_is_not() {
    let daemon = Daemon::new();
    let response = daemon.ask(&Method::GET, "/", &[BROWSER], "").await;
    assert_eq!((response.status(), text(&response, "location")), (StatusCode::SEE_OTHER, "/web"));
    for accept in ["*/*", "application/json"] {
        let response = daemon.ask(&Method::GET, "/", &[("accept", accept)], "").await;
        assert_eq!((response.status(), text(&response, "vary")), (StatusCode::OK, "accept"));
        assert!(to_bytes(response.into_body(), 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn files_have_their_type_and_are_sent_again_only_when_they_changed() {
    let daemon = Daemon::new();
    let files: Vec<_> = route_table().into_iter().filter(|route| route.path.starts_with("/web")).collect();
    let files = files.iter().filter(|route| route.method == Method::GET && route.access == Access::Anyone);
    let mut tags = Vec::new();
    for route in files {
        let response = daemon.ask(&Method::GET, route.path, &[], "").await;
        let kind = match route.path.rsplit_once('.').map(|(_, ending)| ending) {
            None => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some(other) => panic!("a file of the kind {other}"),
        };
        assert_eq!(text(&response, "content-type"), kind, "{}", route.path);
        let tag = text(&response, "etag").to_owned();
        assert!(!to_bytes(response.into_body(), 1 << 20).await.unwrap().is_empty(), "{}", route.path);
        let listed = format!("\"other\", W/{tag}");
        for (known, code) in [(tag.as_str(), 304), (listed.as_str(), 304), ("\"other\"", 200)] {
            let response = daemon.ask(&Method::GET, route.path, &[("if-none-match", known)], "").await;
            assert_eq!((response.status().as_u16(), text(&response, "etag")), (code, tag.as_str()), "{}", route.path);
        }
        tags.push(tag);
    }
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!((tags.len(), count), (count, 11));
}

#[tokio::test]
async fn the_cookie_counts_in_requests_of_the_page_itself_and_in_no_others() {
    let daemon = Daemon::new();
    let cookie = cookie(&daemon, Level::Admin);
    let cookie = ("cookie", cookie.as_str());
    for headers in [vec![HOST, cookie, OWN], vec![HOST, cookie, ORIGIN], vec![HOST, cookie, OWN, ORIGIN]] {
        let (status, body) = envelope(daemon.ask(&Method::GET, "/web/session", &headers, "").await).await;
        assert_eq!(
            (status, &body["data"]["user"], &body["data"]["level"]),
            (StatusCode::OK, &"ann".into(), &"admin".into())
        );
        let (status, _) = envelope(daemon.ask(&Method::POST, "/down", &headers, "").await).await;
        assert!(![401, 403].contains(&status.as_u16()), "{headers:?}: {status}");
    }
    let cross = ("sec-fetch-site", "cross-site");
    let neighbour = ("sec-fetch-site", "same-site");
    let evil = ("origin", "https://evil.example");
    let other_port = ("origin", "https://vps:8443");
    for foreign in
        [vec![], vec![cross], vec![neighbour], vec![evil], vec![other_port], vec![OWN, evil], vec![cross, ORIGIN]]
    {
        let headers = [vec![HOST, cookie], foreign].concat();
        for (method, path) in
            [(Method::POST, "/up"), (Method::POST, "/down"), (Method::GET, "/status"), (Method::POST, "/web/logout")]
        {
            let (status, body) = envelope(daemon.ask(&method, path, &headers, "{}").await).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {headers:?}: {body}");
        }
    }
    // none of the refused logouts ended it
    assert_eq!(daemon.ask(&Method::GET, "/web/session", &[HOST, cookie, OWN], "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_bearer_counts_wherever_it_comes_from() {
    let daemon = Daemon::new();
    let bearer = format!("Bearer {}", daemon.token(Level::User));
    let bearer = ("authorization", bearer.as_str());
    let cookie = ("cookie", "__Host-deployd=garbage");
    for more in [vec![], vec![("sec-fetch-site", "cross-site")], vec![("origin", "https://evil.example")], vec![cookie]]
    {
        let headers = [vec![HOST, bearer], more].concat();
        assert_eq!(daemon.ask(&Method::GET, "/status", &headers, "").await.status(), StatusCode::OK, "{headers:?}");
    }
}

#[tokio::test]
async fn a_cookie_allows_what_its_session_does() {
    let daemon = Daemon::new();
    let (user, admin) = (cookie(&daemon, Level::User), cookie(&daemon, Level::Admin));
    let code = async |method: Method, path: &'static str, cookie: &str| {
        daemon.ask(&method, path, &[HOST, OWN, ("cookie", cookie)], "{}").await.status().as_u16()
    };
    assert_eq!(code(Method::GET, "/status", &user).await, 200);
    assert_eq!(code(Method::POST, "/up", &user).await, 403);
    assert_eq!(code(Method::GET, "/status", "__Host-deployd=garbage").await, 401);
    // a script of the page gets no token that it could keep
    assert_eq!(code(Method::GET, "/token", &admin).await, 403);
}

#[tokio::test]
async fn a_websocket_of_another_site_is_refused() {
    let daemon = Daemon::new();
    let cookie = cookie(&daemon, Level::Admin);
    let upgrade = [HOST, ("cookie", cookie.as_str()), ("connection", "Upgrade"), ("upgrade", "websocket")];
    for foreign in [vec![], vec![OWN], vec![("origin", "https://evil.example")], vec![("origin", "http://vps:4303")]] {
        let headers = [upgrade.to_vec(), foreign].concat();
        let status = daemon.ask(&Method::GET, "/logs?stream=true", &headers, "").await.status();
        assert_eq!(status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let headers = [upgrade.to_vec(), vec![ORIGIN]].concat();
    let status = daemon.ask(&Method::GET, "/logs?stream=true", &headers, "").await.status();
    assert!(![401, 403].contains(&status.as_u16()), "{status}");
}

#[tokio::test]
async fn a_logout_ends_the_session_and_the_cookie() {
    let daemon = Daemon::new();
    let cookie = cookie(&daemon, Level::User);
    let headers = [HOST, OWN, ("cookie", cookie.as_str())];
    let response = daemon.ask(&Method::POST, "/web/logout", &headers, "").await;
    assert_eq!(text(&response, "set-cookie"), "__Host-deployd=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    assert_eq!(envelope(response).await.0, StatusCode::OK);
    assert_eq!(daemon.ask(&Method::GET, "/web/session", &headers, "").await.status(), StatusCode::UNAUTHORIZED);
    let again = daemon.ask(&Method::POST, "/web/logout", &[HOST], "").await;
    assert_eq!(again.status(), StatusCode::OK);
}
