//! Bitbucket Cloud.

use axum::http::HeaderMap;
use ring::hmac;
use serde::Deserialize;

use super::event::{Change, Event, Push, Target, addresses, parse};
use super::{headers, verify};
use crate::error::Result;

/// The header that names the event.
pub(super) const EVENT: &str = "x-event-key";

#[derive(Deserialize)]
struct Body {
    push: Pushed,
    repository: Repository,
}

#[derive(Deserialize)]
struct Pushed {
    changes: Vec<Changed>,
}

#[derive(Deserialize)]
struct Changed {
    old: Option<Reference>,
    new: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    target: Commit,
}

#[derive(Deserialize)]
struct Commit {
    hash: String,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Links {
    html: Link,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Link {
    href: String,
}

pub(super) fn verify(headers: &HeaderMap, body: &[u8], secret: &str) -> Result<()> {
    verify::signed(headers, "x-hub-signature", (hmac::HMAC_SHA256, "sha256="), body, secret)
}

/// What Bitbucket calls this delivery, over all its attempts.
pub(super) fn id(headers: &HeaderMap) -> Option<String> {
    headers::text(headers, "x-request-uuid").map(str::to_owned)
}

pub(super) fn event(headers: &HeaderMap, body: &[u8]) -> Result<Event> {
    let name = headers::text(headers, EVENT).unwrap_or_default();
    if name != "repo:push" {
        let _: serde_json::Value = parse(body, "Bitbucket")?;
        return Ok(Event::Other(format!("the event {name:?} is no push")));
    }
    let Body { push, repository } = parse(body, "Bitbucket")?;
    let changes = push.changes.into_iter().filter_map(change).collect();
    let addresses = addresses([&repository.links.html.href]);
    Ok(Event::Push(Push { addresses, full_name: repository.full_name, changes }))
}

/// A change without an old and without a new side says nothing.
fn change(Changed { old, new }: Changed) -> Option<Change> {
    let named = new.as_ref().or(old.as_ref())?;
    let target = match named.kind.as_str() {
        "branch" | "named_branch" => Target::Branch(named.name.clone()),
        "tag" | "annotated_tag" => Target::Tag(named.name.clone()),
        _ => Target::Other(named.name.clone()),
    };
    let hash = |side: Option<Reference>| side.map(|side| side.target.hash);
    Some(Change { target, before: hash(old), after: hash(new) })
}
