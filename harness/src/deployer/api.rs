//! deployd's HTTP interface, as a client that trusts only the certificate that the bootstrap read over SSH.

use std::time::Duration;

use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;

use super::follow::Followed;
use super::lines::LineBuffer;
use super::{Bootstrapped, OnLine};
use crate::error::{Error, Failure, Result, chain};
use crate::http;
use crate::redact;
use crate::story;

/// How long an answer may take that has no build behind it.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a deploy may take.
const DEPLOY: Duration = Duration::from_mins(15);

/// The envelope that every answer of the daemon comes in.
#[derive(Debug, Deserialize)]
struct Envelope {
    message: String,
    error: Option<Value>,
    data: Option<Value>,
}

/// A client of one daemon.
#[derive(Debug)]
pub struct Api<'a> {
    client: reqwest::Client,
    access: &'a Bootstrapped,
    subject: String,
}

impl<'a> Api<'a> {
    /// A client of the daemon that a bootstrap left; `subject` names its VPS in errors.
    pub fn new(subject: String, access: &'a Bootstrapped) -> Result<Self> {
        http::use_ring();
        let failed = |error: reqwest::Error| {
            Error::Deploy(Failure::new(subject.clone(), "trust the daemon's certificate").saw(chain(&error)))
        };
        let certificate = reqwest::Certificate::from_pem(access.certificate.as_bytes()).map_err(failed)?;
        let client = reqwest::Client::builder().tls_certs_only([certificate]).no_proxy().build().map_err(failed)?;
        Ok(Self { client, access, subject })
    }

    fn failure(&self, request: &str) -> Failure {
        Failure::new(self.subject.clone(), format!("{request} at {}", self.access.api_url))
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.access.api_url);
        self.client.request(method, url).bearer_auth(&self.access.token)
    }

    /// Asks with the token that is given, which may be none; answers the HTTP status and the body, which is JSON where the
    /// daemon sends its envelope and a text elsewhere. A status that tells of an error is an answer, too.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value)> {
        let what = format!("{method} {path}");
        let failed = |error: &dyn std::error::Error| Error::Deploy(self.failure(&what).saw(chain(error)));
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|error| failed(&error))?;
        let mut request = self.client.request(method, format!("{}{path}", self.access.api_url)).timeout(DEPLOY);
        if let Some(token) = token {
            redact::learn(token);
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            redact::learn_from(body);
            request = request.json(body);
        }
        answer_to(what.clone(), request).await.map_err(|error| failed(&error))
    }

    /// POST of a body as it is, with these headers and no token; answers as `send` does.
    pub async fn post_raw(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<(u16, Value)> {
        let what = format!("POST {}", path.split('?').next().unwrap_or_default());
        let failed = |error: reqwest::Error| Error::Deploy(self.failure(&what).saw(chain(&error.without_url())));
        let mut request = self.client.post(format!("{}{path}", self.access.api_url)).timeout(ANSWER).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer_to(what.clone(), request).await.map_err(failed)
    }

    /// Opens a WebSocket with the token of the bootstrap.
    pub async fn follow(&self, path: &str) -> Result<Followed> {
        let what = format!("GET {path} as a WebSocket");
        Followed::open(self.access, path).await.map_err(|seen| Error::Deploy(self.failure(&what).saw(seen)))
    }

    /// Asks with the token of the bootstrap.
    pub async fn as_admin(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        self.send(method, path, Some(&self.access.token), body).await
    }

    /// GET; answers the envelope's `data`.
    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        let what = format!("GET {path}");
        let sent = self.request(reqwest::Method::GET, path).timeout(ANSWER).send().await;
        let answer = sent.map_err(|error| Error::Deploy(self.failure(&what).saw(chain(&error))))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| Error::Deploy(self.failure(&what).saw(chain(&error))))?;
        if !status.is_success() {
            return Err(Error::Deploy(self.failure(&what).saw(format!("HTTP {status}: {}", readable(&text)))));
        }
        let envelope: Envelope = serde_json::from_str(&text)
            .map_err(|error| Error::Deploy(self.failure(&what).saw(format!("{error} in {text:?}"))))?;
        Ok(envelope.data.unwrap_or(Value::Null))
    }

    /// POST whose answer is a stream of lines; the last one tells how it ended.
    pub(super) async fn post_streamed(&self, path: &str, body: &Value, on_line: OnLine<'_>) -> Result<String> {
        let what = format!("POST {path}");
        let failed = |seen: String| Error::Deploy(self.failure(&what).saw(seen));
        let sent = self.request(reqwest::Method::POST, path).json(body).timeout(DEPLOY).send().await;
        let answer = sent.map_err(|error| failed(chain(&error)))?;
        let status = answer.status();
        if !status.is_success() {
            let text = answer.text().await.unwrap_or_default();
            return Err(failed(format!("HTTP {status}: {}", readable(&text))));
        }
        let (mut stream, mut partial, mut last) = (answer.bytes_stream(), LineBuffer::default(), String::new());
        while let Some(piece) = stream.next().await {
            partial.take(&piece.map_err(|error| failed(chain(&error)))?, |line| {
                line.clone_into(&mut last);
                on_line(line);
            });
        }
        Ok(last)
    }
}

/// Sends a request; answers the HTTP status and the body, as JSON where it is.
async fn answer_to(what: String, request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Value)> {
    let told = story::begin(story::Kind::Http, || what);
    let answer = async {
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    match answer.await {
        Ok((status, text)) => {
            let body = serde_json::from_str(&text);
            body.iter().for_each(redact::learn_from);
            told.end(status < 400, || format!("HTTP {status}"), &[text.as_bytes()]);
            Ok((status, body.unwrap_or(Value::String(text))))
        }
        Err(error) => {
            told.end(false, || chain(&error), &[]);
            Err(error)
        }
    }
}

/// The message and the error of an envelope, or the text as it is.
fn readable(text: &str) -> String {
    match serde_json::from_str::<Envelope>(text) {
        Ok(Envelope { message, error: Some(error), data }) => {
            let error = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
            let data = data.filter(|data| !data.is_null()).map(|data| format!("\n{data}")).unwrap_or_default();
            format!("{message}: {error}{data}")
        }
        Ok(Envelope { message, .. }) => message,
        Err(_) => text.to_owned(),
    }
}
