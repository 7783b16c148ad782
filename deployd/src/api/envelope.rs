//! The envelope around every answer: code, request id, message, error, data.

use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use ulid::Ulid;
use utoipa::ToSchema;

use super::Answer;

/// How much of an error's text is taken into the envelope.
const TEXT: usize = 4096;

/// What every answer comes in.
#[derive(Serialize, ToSchema)]
pub(super) struct Envelope {
    /// The HTTP code.
    code: u16,
    /// What this request is called in the daemon's log.
    request_id: String,
    /// What happened.
    message: String,
    /// Why it failed, and what would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// Gives the request an id, and its answer the envelope; errors of the framework get one too.
pub(super) async fn wrap(request: Request, next: Next) -> Response {
    let (id, began) = (Ulid::new().to_string().to_lowercase(), Instant::now());
    // never the query: it may hold a secret
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let answer = match response.extensions_mut().remove::<Answer>() {
        Some(answer) => Some(answer),
        None if response.status().is_client_error() || response.status().is_server_error() => {
            let (parts, body) = response.into_parts();
            let answer = framework_error(parts.status, &path, body).await;
            response = Response::from_parts(parts, Body::empty());
            Some(answer)
        }
        None => None,
    };
    if let Some(answer) = answer {
        response = render(&response, answer, &id);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    let (status, ms) = (response.status().as_u16(), began.elapsed().as_millis());
    tracing::info!(request_id = id, %method, path, status, ms, "answered");
    response
}

fn render(response: &Response, answer: Answer, id: &str) -> Response {
    let Answer { code, message, error, data } = answer;
    let envelope = Envelope { code: code.as_u16(), request_id: id.to_owned(), message, error, data };
    let mut rendered = (code, axum::Json(envelope)).into_response();
    // what the framework said beside the body, such as Allow
    for (name, value) in response.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    if code == StatusCode::UNAUTHORIZED {
        rendered.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    rendered
}

async fn framework_error(code: StatusCode, path: &str, body: Body) -> Answer {
    let text = to_bytes(body, TEXT).await.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let reason = code.canonical_reason().unwrap_or("error").to_lowercase();
    let error = match code {
        StatusCode::NOT_FOUND => format!("there is no {path}"),
        StatusCode::METHOD_NOT_ALLOWED => format!("{path} does not know this method"),
        _ if text.is_empty() => reason.clone(),
        _ => text,
    };
    Answer { code, message: reason, error: Some(error), data: None }
}
