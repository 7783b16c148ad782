//! GitHub, and whoever sends webhooks of its shape (Gitea, Forgejo).

use axum::http::{HeaderMap, header};
use ring::hmac;
use serde::Deserialize;

use super::event::{Change, Event, Push, Target, addresses, commit, parse};
use super::{headers, verify};
use crate::error::{Failure, Kind, Result};

/// The header that names the event.
pub(super) const EVENT: &str = "x-github-event";
const DELIVERY: &str = "x-github-delivery";
const SHA256: &str = "x-hub-signature-256";
const SHA1: &str = "x-hub-signature";

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    #[serde(default)]
    deleted: bool,
    repository: Repository,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Repository {
    full_name: String,
    ssh_url: String,
    clone_url: String,
    git_url: String,
    html_url: String,
}

/// SHA-1 counts only where there is no SHA-256: a wrong one must not be passed over.
pub(super) fn verify(headers: &HeaderMap, body: &[u8], secret: &str) -> Result<()> {
    if headers.contains_key(SHA1) && !headers.contains_key(SHA256) {
        return verify::signed(headers, SHA1, (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "sha1="), body, secret);
    }
    verify::signed(headers, SHA256, (hmac::HMAC_SHA256, "sha256="), body, secret)
}

/// What GitHub calls this delivery.
pub(super) fn id(headers: &HeaderMap) -> Option<String> {
    headers::text(headers, DELIVERY).map(str::to_owned)
}

pub(super) fn event(headers: &HeaderMap, body: &[u8]) -> Result<Event> {
    let json = json(headers, body)?;
    match headers::text(headers, EVENT).unwrap_or_default() {
        "push" => {}
        name => {
            // also what is not used has to be what it says it is
            let _: serde_json::Value = parse(&json, "GitHub")?;
            return Ok(Event::Other(format!("the event {name:?} is no push")));
        }
    }
    let Body { reference, before, after, deleted, repository: it } = parse(&json, "GitHub")?;
    let after = if deleted { None } else { commit(&after) };
    let change = Change { target: Target::of_reference(&reference), before: commit(&before), after };
    let addresses = addresses([&it.ssh_url, &it.clone_url, &it.git_url, &it.html_url]);
    Ok(Event::Push(Push { addresses, full_name: it.full_name, changes: vec![change] }))
}

/// The body, or what a form has in its field `payload`: the owner of a webhook chooses between the two.
fn json(headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>> {
    let kind = headers::text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        return Ok(body.to_vec());
    }
    let field = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    field
        .map(|(_, value)| value.into_owned().into_bytes())
        .ok_or_else(|| Failure::new(Kind::Invalid, "read the webhook of GitHub").saw("its form has no field payload"))
}
