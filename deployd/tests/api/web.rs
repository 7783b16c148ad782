//! The web page as a browser meets it: files, headers, the session in a cookie, and other sites. No engine is needed.

use serde_json::json;

use super::*;

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const HOST: (&str, &str) = ("host", "vps:4303");
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
const ORIGIN: (&str, &str) = ("origin", "https://vps:4303");

fn text<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

impl Daemon {
    async fn text(&self, path: &str) -> String {
        let response = self.ask(&Method::GET, path, &[], "").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }
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
    let page = daemon.text("/web").await;
    let script = daemon.text("/web/page.js").await;
    let named = page.split('"').filter(|word| word.starts_with("/web")).map(str::to_owned);
    let imported = script.split('"').filter_map(|word| word.strip_prefix("./")).map(|name| format!("/web/{name}"));
    let files: std::collections::BTreeSet<String> = named.chain(imported).collect();
    assert!(files.len() > 8, "{files:?}");
    let mut tags = Vec::new();
    for file in &files {
        let response = daemon.ask(&Method::GET, file, &[], "").await;
        let kind = match file.rsplit_once('.').map(|(_, ending)| ending) {
            None => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some(other) => panic!("a file of the kind {other}"),
        };
        assert_eq!(text(&response, "content-type"), kind, "{file}");
        let tag = text(&response, "etag").to_owned();
        assert!(!to_bytes(response.into_body(), 1 << 20).await.unwrap().is_empty(), "{file}");
        let listed = format!("\"other\", W/{tag}");
        for (known, code) in [(tag.as_str(), 304), (listed.as_str(), 304), ("\"other\"", 200)] {
            let response = daemon.ask(&Method::GET, file, &[("if-none-match", known)], "").await;
            assert_eq!((response.status().as_u16(), text(&response, "etag")), (code, tag.as_str()), "{file}");
        }
        tags.push(tag);
    }
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count);
}

#[tokio::test]
async fn the_cookie_counts_in_requests_of_the_page_itself_and_in_no_others() {
    let daemon = Daemon::new();
    let cookie = cookie(&daemon, Level::Admin);
    let cookie = ("cookie", cookie.as_str());
    for headers in [vec![HOST, cookie, OWN], vec![HOST, cookie, ORIGIN], vec![HOST, cookie, OWN, ORIGIN]] {
        let (status, body) = envelope(daemon.ask(&Method::GET, "/user/validate", &headers, "").await).await;
        assert_eq!(
            (status, &body["data"]["username"], &body["data"]["admin"]),
            (StatusCode::OK, &json!("ann"), &json!(true))
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
    assert_eq!(daemon.ask(&Method::GET, "/user/validate", &[HOST, cookie, OWN], "").await.status(), StatusCode::OK);
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
    assert_eq!(daemon.ask(&Method::GET, "/user/validate", &headers, "").await.status(), StatusCode::UNAUTHORIZED);
    let again = daemon.ask(&Method::POST, "/web/logout", &[HOST], "").await;
    assert_eq!(again.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_login_of_the_page_puts_the_token_where_no_script_reads_it() {
    let daemon = Daemon::new();
    daemon.app.users.add("ben", "correct horse", Level::Admin).await.unwrap();
    let body = r#"{"username":"ben","password":"correct horse"}"#;
    let response = daemon.ask(&Method::POST, "/web/login", &[HOST, OWN, ORIGIN], body).await;
    let set = text(&response, "set-cookie").to_owned();
    let (pair, attributes) = set.split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Secure; HttpOnly; SameSite=Strict");
    let (status, answer) = envelope(response).await;
    assert_eq!((status, &answer["data"]["admin"]), (StatusCode::OK, &json!(true)));
    let token = pair.strip_prefix("__Host-deployd=").unwrap();
    assert!(!answer.to_string().contains(token), "the token is in the answer's body");
    let (status, answer) =
        envelope(daemon.ask(&Method::GET, "/user/validate", &[HOST, OWN, ("cookie", pair)], "").await).await;
    assert_eq!((status, &answer["data"]["username"]), (StatusCode::OK, &json!("ben")));
}

#[tokio::test]
async fn a_login_that_fails_or_comes_from_another_site_sets_no_cookie() {
    let daemon = Daemon::new();
    daemon.app.users.add("ben", "correct horse", Level::Admin).await.unwrap();
    let right = r#"{"username":"ben","password":"correct horse"}"#;
    let evil = ("origin", "https://evil.example");
    for (headers, body, code) in [
        (vec![HOST, OWN], r#"{"username":"ben","password":"wrong"}"#, 401),
        (vec![HOST, OWN], "{}", 400),
        (vec![HOST], right, 403),
        (vec![HOST, evil], right, 403),
        (vec![HOST, ("sec-fetch-site", "cross-site"), evil], right, 403),
    ] {
        let response = daemon.ask(&Method::POST, "/web/login", &headers, body).await;
        assert!(!response.headers().contains_key(header::SET_COOKIE), "{headers:?}");
        assert_eq!(envelope(response).await.0.as_u16(), code, "{headers:?}");
    }
}
