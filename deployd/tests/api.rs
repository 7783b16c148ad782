//! The HTTP interface as clients meet it: access codes, the envelope, errors. No engine is needed.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

#[path = "api/access.rs"]
mod access;
#[path = "api/people.rs"]
mod people;
#[path = "api/web.rs"]
mod web;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use deployd::DataDir;
use deployd::api::{App, router};
use deployd::auth::{Level, Tokens, Users};
use deployd::deployment::{Context, Deployer};
use deployd::engine::Engine;
use deployd::store::Store;
use serde_json::Value;
use tower_service::Service;

struct Daemon {
    app: App,
    _dir: tempfile::TempDir,
}

impl Daemon {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let store = Arc::new(Store::open(&data.database()).unwrap());
        let tokens = Arc::new(Tokens::open(&data, store.clone()).unwrap());
        let engine = Engine::new(dir.path().join("no-engine.sock"));
        let users = Arc::new(Users::new(store.clone(), tokens.clone()));
        let deployer = Deployer::new(Context::new(data, store, engine, None));
        tokio::spawn(deployer.clone().work());
        Self { app: App { tokens, users, deployer }, _dir: dir }
    }

    fn token(&self, level: Level) -> String {
        self.app.tokens.issue("ann", level, Duration::from_mins(1)).unwrap()
    }

    async fn send(&self, method: &Method, path: &str, authorization: Option<&str>, body: &str) -> Response {
        let authorization = authorization.map(|value| ("authorization", value));
        self.ask(method, path, authorization.as_slice(), body).await
    }

    async fn ask(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        router(self.app.clone()).call(request).await.unwrap()
    }

    async fn admin(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let authorization = format!("Bearer {}", self.token(Level::Admin));
        envelope(self.send(&method, path, Some(&authorization), body).await).await
    }
}

/// Every answer but the empty one of GET / has the envelope, and its code is the HTTP one.
async fn envelope(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert!(response.headers().contains_key("x-request-id"));
    let body = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["code"], status.as_u16(), "{body}");
    assert!(body["request_id"].is_string() && body["message"].is_string(), "{body}");
    assert_eq!(body["error"].is_string(), !status.is_success(), "{body}");
    (status, body)
}

#[tokio::test]
async fn a_token_begets_a_token() {
    let daemon = Daemon::new();
    let (status, body) = daemon.admin(Method::GET, "/token", "").await;
    assert_eq!(status, StatusCode::OK);
    let token = format!("Bearer {}", body["data"]["token"].as_str().unwrap());
    assert_eq!(daemon.send(&Method::GET, "/token", Some(&token), "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_root_is_empty_and_open() {
    let response = Daemon::new().send(&Method::GET, "/", None, "").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(to_bytes(response.into_body(), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_in_the_envelope() {
    let daemon = Daemon::new();
    assert_eq!(daemon.admin(Method::GET, "/nope", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(daemon.admin(Method::DELETE, "/status", "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(daemon.admin(Method::GET, "/logs?entries=many", "").await.0, StatusCode::BAD_REQUEST);
    for body in ["{", "[]", "null", r#"{"stream":"yes"}"#, r#"{"build_type":"make"}"#, "{}"] {
        let (status, answer) = daemon.admin(Method::POST, "/up", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
    }
    let large = format!("{{\"project\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    assert_eq!(daemon.admin(Method::POST, "/up", &large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_streamed_deploy_that_is_refused_has_its_own_code() {
    let daemon = Daemon::new();
    let body = r#"{"stream":true,"git_options":{"remote":"/does/not/exist","branch":"main"}}"#;
    let (status, answer) = daemon.admin(Method::POST, "/up", body).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{answer}");
    let (_, status) = daemon.admin(Method::GET, "/status", "").await;
    let last = &status["data"]["status"]["last_deploy"];
    assert_eq!((last["outcome"].as_str(), last["stage"].as_str()), (Some("failed"), Some("source")), "{status}");
    assert!(last["finished_at"].is_string());
}

#[tokio::test]
async fn a_status_without_an_engine_says_so() {
    let (status, answer) = Daemon::new().admin(Method::GET, "/status", "").await;
    assert_eq!(status, StatusCode::OK);
    let status = &answer["data"]["status"];
    assert!(status["engine_error"].as_str().unwrap().contains("no-engine.sock"), "{answer}");
    assert_eq!(status["containers"], serde_json::json!([]));
    assert!(status["version"].is_string());
}
