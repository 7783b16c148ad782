//! A daemon without an engine, asked without a network.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use deployd::DataDir;
use deployd::api::{App, router};
use deployd::auth::{Level, Tokens};
use deployd::deployment::{Context, Deployer};
use deployd::engine::Engine;
use deployd::store::Store;
use serde_json::Value;
use tower_service::Service;

pub struct Daemon {
    pub app: App,
    _dir: tempfile::TempDir,
}

impl Daemon {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let store = Arc::new(Store::open(&data.database()).unwrap());
        let tokens = Arc::new(Tokens::open(&data, store.clone()).unwrap());
        let engine = Engine::new(dir.path().join("no-engine.sock"));
        let deployer = Deployer::new(Context::new(data, store, engine, None));
        tokio::spawn(deployer.clone().work());
        Self { app: App { tokens, deployer }, _dir: dir }
    }

    pub fn token(&self, level: Level) -> String {
        self.app.tokens.issue("ann", level, Duration::from_mins(1)).unwrap()
    }

    pub async fn ask(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        router(self.app.clone()).call(request).await.unwrap()
    }
}

/// Every answer but the empty one of GET / and the page's files has the envelope, and its code is the HTTP one.
pub async fn envelope(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert!(response.headers().contains_key("x-request-id"));
    let body = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["code"], status.as_u16(), "{body}");
    assert!(body["request_id"].is_string() && body["message"].is_string(), "{body}");
    assert_eq!(body["error"].is_string(), !status.is_success(), "{body}");
    (status, body)
}
