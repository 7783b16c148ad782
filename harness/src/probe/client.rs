//! An HTTP client of whatever answers on a VPS, for services that are no fixture project.

use std::time::Duration;

use reqwest::{Certificate, RequestBuilder};
use serde_json::Value;

use crate::error::{Error, Failure, Result, chain};
use crate::{http, story};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// An HTTP client of what runs on a VPS; no proxy has a part in it.
#[derive(Debug, Clone)]
pub struct Client(reqwest::Client);

impl Client {
    /// A client that trusts what the host trusts.
    pub fn new() -> Result<Self> {
        Self::build(reqwest::Client::builder)
    }

    /// A client that trusts only certificates of this authority, whose own is given as PEM.
    pub fn trusting(authority: &str) -> Result<Self> {
        let failed = |error: reqwest::Error| {
            Error::Deploy(Failure::new("HTTP client", "read the authority's certificate").saw(chain(&error)))
        };
        let authority = Certificate::from_pem(authority.as_bytes()).map_err(failed)?;
        Self::build(|| reqwest::Client::builder().tls_certs_only([authority]))
    }

    fn build(builder: impl FnOnce() -> reqwest::ClientBuilder) -> Result<Self> {
        http::use_ring();
        let failed = |error: reqwest::Error| Error::Deploy(Failure::new("HTTP client", "make it").saw(chain(&error)));
        Ok(Self(builder().timeout(ANSWER).no_proxy().build().map_err(failed)?))
    }

    /// GET; answers the HTTP status and the body. A status that tells of an error is an answer, too.
    pub async fn get(&self, url: &str) -> Result<(u16, String)> {
        send("GET", url, self.0.get(url)).await
    }

    /// POST of JSON; answers as `get` does.
    pub async fn post(&self, url: &str, body: &Value) -> Result<(u16, String)> {
        send("POST", url, self.0.post(url).json(body)).await
    }
}

async fn send(method: &str, url: &str, request: RequestBuilder) -> Result<(u16, String)> {
    // what comes after the question mark may be a key
    let what = format!("{method} {}", url.split('?').next().unwrap_or_default());
    let told = story::begin(story::Kind::Http, || what.clone());
    let answer = async {
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    match answer.await {
        Ok((status, text)) => {
            told.end(status < 400, || format!("HTTP {status}"), &[text.as_bytes()]);
            Ok((status, text))
        }
        Err(error) => {
            let seen = chain(&reqwest::Error::without_url(error));
            told.end(false, || seen.clone(), &[]);
            Err(Error::Deploy(Failure::new("HTTP client", what).saw(seen)))
        }
    }
}
