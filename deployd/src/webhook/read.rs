//! From a request to an event: who sent it, whether they know the secret, what it tells.

use std::fmt;

use axum::http::HeaderMap;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{Event, bitbucket, docker_hub, github, gitlab, verify};
use crate::error::{Failure, Kind, Result};

/// Who sends webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Docker Hub.
    DockerHub,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Bitbucket => "Bitbucket",
            Self::DockerHub => "Docker Hub",
        })
    }
}

/// A webhook whose sender knows the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who sent it.
    pub provider: Provider,
    /// What tells.
    pub event: Event,
    /// What its sender calls this delivery, in a form of fixed length.
    pub id: Option<String>,
    /// What was signed, in a form of fixed length; nothing where the id is worth as much.
    pub body: Option<String>,
}

/// Reads a webhook. Nothing of the body is looked at before the signature is known to be valid.
pub fn read(headers: &HeaderMap, query: Option<&str>, body: &[u8], secret: &str) -> Result<Delivery> {
    if secret.is_empty() {
        return Err(Failure::new(Kind::Internal, "verify a webhook").saw("there is no secret"));
    }
    let provider = identify(headers, query)?;
    match provider {
        Provider::GitHub => github::verify(headers, body, secret)?,
        Provider::GitLab => gitlab::verify(headers, secret)?,
        Provider::Bitbucket => bitbucket::verify(headers, body, secret)?,
        Provider::DockerHub => docker_hub::verify(query, secret)?,
    }
    let (event, id) = match provider {
        Provider::GitHub => (github::event(headers, body)?, github::id(headers)),
        Provider::GitLab => (gitlab::event(body)?, gitlab::id(headers)),
        Provider::Bitbucket => (bitbucket::event(headers, body)?, bitbucket::id(headers)),
        Provider::DockerHub => (docker_hub::event(body)?, None),
    };
    // A signature covers the body and not the id: with the id alone, a delivery that was overheard could be sent again
    // under another one. Whoever overhears GitLab has the secret itself, so there the id, if there is one, is enough.
    let by_id = provider == Provider::GitLab && id.is_some();
    let mark = |kind: &str, of: &[u8]| {
        let hash = Sha256::new().chain_update(format!("{provider} {kind} ")).chain_update(of).finalize();
        HEXLOWER.encode(&hash)
    };
    let (id, body) = (id.map(|id| mark("id", id.as_bytes())), (!by_id).then(|| mark("body", body)));
    Ok(Delivery { provider, event, id, body })
}

fn identify(headers: &HeaderMap, query: Option<&str>) -> Result<Provider> {
    let has = |name: &str| headers.contains_key(name);
    if has(gitlab::EVENT) || has(gitlab::TOKEN) {
        Ok(Provider::GitLab)
    } else if has(bitbucket::EVENT) {
        Ok(Provider::Bitbucket)
    } else if has(github::EVENT) {
        Ok(Provider::GitHub)
    } else if docker_hub::key(query).is_some() {
        Ok(Provider::DockerHub)
    } else {
        let known = "no header of GitHub, GitLab or Bitbucket, and no key of Docker Hub in the address";
        Err(verify::refused(known))
    }
}
