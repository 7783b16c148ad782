//! What the daemon answers, taken out of its envelope.

use std::time::Duration;

use hyper::Response;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::Value;

use super::http::text;
use crate::error::{Failure, Kind, Result};

/// An answer that is no error.
#[derive(Debug)]
pub(super) struct Answer {
    /// What happened.
    pub(super) message: String,
    /// What was asked for.
    pub(super) data: Value,
}

#[derive(Deserialize)]
struct Envelope {
    message: String,
    error: Option<String>,
    #[serde(default)]
    data: Value,
}

/// Reads an answer to its end; one that tells of an error is a failure with the daemon's own words.
pub(super) async fn read(response: Response<Incoming>, within: Duration) -> Result<Answer> {
    let status = response.status();
    let text = text(response.into_body(), within).await?;
    open(status, &text)
}

/// Opens an envelope.
pub(super) fn open(status: StatusCode, text: &str) -> Result<Answer> {
    let Ok(envelope) = serde_json::from_str::<Envelope>(text) else {
        let begin: String = text.chars().take(200).collect();
        let failure = Failure::new(Kind::Internal, "read the daemon's answer").saw(format!("HTTP {status}: {begin}"));
        return Err(failure.hint("is it deployd that listens there?"));
    };
    if status.is_success() {
        return Ok(Answer { message: envelope.message, data: envelope.data });
    }
    let kind = match status {
        StatusCode::UNAUTHORIZED => Kind::Unauthorized,
        StatusCode::FORBIDDEN => Kind::Forbidden,
        StatusCode::NOT_FOUND => Kind::Missing,
        StatusCode::CONFLICT => Kind::Conflict,
        // 412 says that something has to be done elsewhere first; Inertia's clients know 417 as a missing code
        StatusCode::PRECONDITION_FAILED | StatusCode::EXPECTATION_FAILED => Kind::Refused,
        // never Kind::Invalid: that is what was typed here
        _ => Kind::Internal,
    };
    let failure = Failure::new(kind, envelope.message).saw(envelope.error.unwrap_or_else(|| format!("HTTP {status}")));
    let lines = strings(&envelope.data["lines"]);
    let key = envelope.data["public_key"].as_str().map(str::to_owned);
    Err(failure.lines(lines).public_key(key))
}

/// The texts of a list.
pub(super) fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_what_the_daemon_said() {
        let text = r#"{"code":412,"request_id":"x","message":"clone a","error":"denied","data":{"public_key":"ssh-ed25519 A"}}"#;
        let failure = open(StatusCode::PRECONDITION_FAILED, text).unwrap_err();
        assert_eq!((failure.kind(), failure.deploy_key()), (Kind::Refused, Some("ssh-ed25519 A")));
        assert_eq!(failure.to_string(), "clone a: denied");
    }

    #[test]
    fn data_may_be_absent_and_another_server_is_recognised() {
        let text = r#"{"code":200,"request_id":"x","message":"done"}"#;
        assert!(open(StatusCode::OK, text).unwrap().data.is_null());
        assert!(open(StatusCode::OK, "<html>").unwrap_err().to_string().contains("is it deployd"));
    }
}
