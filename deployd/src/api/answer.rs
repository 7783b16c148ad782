//! What a handler answers, before the envelope is put around it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::{Failure, Kind};

/// An answer; the envelope is put around it once the request's id is known.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP code.
    pub code: StatusCode,
    /// What happened.
    pub message: String,
    /// Why it failed.
    pub error: Option<String>,
    /// What was asked for.
    pub data: Option<Value>,
}

impl Answer {
    /// An answer that is no error.
    pub fn new(code: StatusCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), error: None, data: None }
    }

    /// An answer with data.
    #[must_use]
    pub fn with(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = self.code.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let code = code(failure.kind());
        if code == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%failure, "a request failed");
        }
        let mut data = serde_json::Map::new();
        if let Some(key) = failure.deploy_key() {
            data.insert("public_key".into(), json!(key));
        }
        if !failure.last_lines().is_empty() {
            data.insert("lines".into(), json!(failure.last_lines()));
        }
        let cause = failure.cause();
        Self {
            code,
            message: failure.what().to_owned(),
            error: Some(if cause.is_empty() { failure.kind().word().to_owned() } else { cause }),
            data: (!data.is_empty()).then_some(Value::Object(data)),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // whole seconds, and never too early
        let wait = self.wait().map(|wait| HeaderValue::from(wait.as_secs() + 1));
        let mut response = Answer::from(self).into_response();
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

fn code(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthorized => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::CodeMissing => StatusCode::EXPECTATION_FAILED,
        Kind::Limited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Missing => StatusCode::NOT_FOUND,
        Kind::Conflict | Kind::Superseded => StatusCode::CONFLICT,
        Kind::Refused => StatusCode::PRECONDITION_FAILED,
        Kind::Source => StatusCode::GATEWAY_TIMEOUT,
        Kind::Build | Kind::Start | Kind::Health | Kind::Switch | Kind::Engine | Kind::Internal => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
