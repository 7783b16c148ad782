//! The HTTP interface as clients meet it: access codes, the envelope, errors. No engine is needed.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

#[path = "api/access.rs"]
mod access;
#[path = "api/people.rs"]
mod people;
#[path = "api/streams.rs"]
mod streams;
#[path = "api/web.rs"]
mod web;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use data_encoding::HEXLOWER;
use deployd::DataDir;
use deployd::api::{App, router};
use deployd::auth::{Level, Tokens, Users};
use deployd::deployment::{Context, Deployer};
use deployd::engine::Engine;
use deployd::store::{Project, Store};
use ring::hmac;
use serde_json::Value;
use tower_service::Service;

struct Daemon {
    app: App,
    dir: tempfile::TempDir,
}

impl Daemon {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let store = Arc::new(Store::open(&data).unwrap());
        let tokens = Arc::new(Tokens::open(&data, store.clone()).unwrap());
        let engine = Engine::new(dir.path().join("no-engine.sock"));
        let users = Arc::new(Users::new(store.clone(), tokens.clone()));
        let deployer = Deployer::new(Context::new(data, store, engine, None));
        tokio::spawn(deployer.clone().work());
        Self { app: App { tokens, users, deployer }, dir }
    }

    fn token(&self, level: Level) -> String {
        self.app.tokens.issue("ann", level, Duration::from_mins(1)).unwrap()
    }

    /// A webhook as GitHub sends it.
    async fn webhook(&self, event: &str, delivery: &str, secret: &str, body: String) -> (StatusCode, Value) {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
        let request = Request::post("/webhook")
            .header("x-github-event", event)
            .header("x-github-delivery", delivery)
            .header("x-hub-signature-256", format!("sha256={}", HEXLOWER.encode(tag.as_ref())))
            .body(Body::from(body));
        envelope(router(self.app.clone()).call(request.unwrap()).await.unwrap()).await
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
    for entries in ["many", "0", "10001", "-1"] {
        let path = format!("/logs?entries={entries}");
        assert_eq!(daemon.admin(Method::GET, &path, "").await.0, StatusCode::BAD_REQUEST, "{path}");
    }
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
async fn a_webhook_counts_once_and_its_deploy_is_promised_until_it_has_ended() {
    let daemon = Daemon::new();
    let store = &daemon.app.deployer.context().store;
    let secret = store.webhook_secret().unwrap();
    let push = include_str!("webhooks/github-push.json").to_owned();
    let (status, answer) = daemon.webhook("push", "1", &secret, push.clone()).await;
    assert_eq!((status, &answer["data"]["deploy"]), (StatusCode::ACCEPTED, &Value::Bool(false)), "{answer}");
    assert_eq!(daemon.webhook("push", "1", &secret, push.clone()).await.0, StatusCode::CONFLICT);

    // a project that cannot be fetched: the deploy runs, and fails, without an engine
    let (name, remote, branch) = ("app".into(), "/does/not/exist/team/app".to_owned(), "main".into());
    let project = Project { name, remote, branch, build_type: None, build_file_path: None, bound: true };
    store.set_project(&project).unwrap();
    let push = push.replace("team/app", "does/not/exist/team/app").replace("1772465001", "1772465002");
    assert_eq!(daemon.webhook("push", "2", "wrong", push.clone()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!((store.promise().unwrap(), store.deploys().unwrap().len()), (None, 0));
    // refused by its signature, so the same delivery may come again
    let (status, answer) = daemon.webhook("push", "2", &secret, push.clone()).await;
    assert_eq!((status, &answer["data"]["deploy"]), (StatusCode::ACCEPTED, &Value::Bool(true)), "{answer}");
    for delivery in ["2", "3"] {
        let (status, answer) = daemon.webhook("push", delivery, &secret, push.clone()).await;
        assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    }
    let kept = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        while store.promise().unwrap().is_some() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap();
    let deploys = store.deploys().unwrap();
    assert_eq!((deploys.len(), deploys[0].stage.as_deref()), (1, Some("source")), "{deploys:?}");
}

#[tokio::test]
async fn a_webhook_that_is_too_large_or_broken_has_its_code() {
    let daemon = Daemon::new();
    let secret = daemon.app.deployer.context().store.webhook_secret().unwrap();
    let large = format!("{{\"ref\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(daemon.webhook("push", "1", &secret, large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(daemon.webhook("push", "1", &secret, "{".into()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(daemon.webhook("push", "1", "wrong", "{".into()).await.0, StatusCode::UNAUTHORIZED);
    let mut just = format!("{{\"zen\":\"{}\"}}", "x".repeat(1024 * 1024 - 10));
    assert_eq!(just.len(), 1024 * 1024);
    assert_eq!(daemon.webhook("ping", "1", &secret, just.clone()).await.0, StatusCode::ACCEPTED);
    just.push(' ');
    assert_eq!(daemon.webhook("ping", "2", &secret, just).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_address_for_messages_is_checked_and_not_repeated() {
    let body = r#"{"slack_notification_url":"ftp://host/s3cret","git_options":{"remote":"/none","branch":"main"}}"#;
    let (status, answer) = Daemon::new().admin(Method::POST, "/up", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(!answer.to_string().contains("s3cret"), "{answer}");
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
