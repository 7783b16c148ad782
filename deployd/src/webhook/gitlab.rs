//! GitLab.

use axum::http::HeaderMap;
use serde::Deserialize;

use super::event::{Change, Event, Push, Target, addresses, commit, parse};
use super::{headers, verify};
use crate::error::Result;

/// The headers that tell GitLab from others.
pub(super) const EVENT: &str = "x-gitlab-event";
pub(super) const TOKEN: &str = "x-gitlab-token";

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    object_kind: String,
    /// System hooks of older versions call it so.
    #[serde(default)]
    event_name: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    project: Project,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Project {
    path_with_namespace: String,
    git_ssh_url: String,
    git_http_url: String,
    web_url: String,
    // the names of the same in older versions
    ssh_url: String,
    http_url: String,
}

/// GitLab sends the secret itself.
pub(super) fn verify(headers: &HeaderMap, secret: &str) -> Result<()> {
    let given =
        headers::text(headers, TOKEN).ok_or_else(|| verify::refused("it has not exactly one X-Gitlab-Token"))?;
    if verify::same(given, secret) { Ok(()) } else { Err(verify::refused("X-Gitlab-Token is not the secret")) }
}

/// What GitLab calls this delivery; newer versions keep `Idempotency-Key` over retries.
pub(super) fn id(headers: &HeaderMap) -> Option<String> {
    let id = headers::text(headers, "idempotency-key").or_else(|| headers::text(headers, "x-gitlab-event-uuid"));
    id.map(str::to_owned)
}

pub(super) fn event(body: &[u8]) -> Result<Event> {
    let Kind { object_kind, event_name } = parse(body, "GitLab")?;
    let kind = if object_kind.is_empty() { event_name } else { object_kind };
    if !["push", "tag_push"].contains(&kind.as_str()) {
        return Ok(Event::Other(format!("the event {kind:?} is no push")));
    }
    let Body { reference, before, after, project: it } = parse(body, "GitLab")?;
    let change = Change { target: Target::of_reference(&reference), before: commit(&before), after: commit(&after) };
    let addresses = addresses([&it.git_ssh_url, &it.git_http_url, &it.web_url, &it.ssh_url, &it.http_url]);
    Ok(Event::Push(Push { addresses, full_name: it.path_with_namespace, changes: vec![change] }))
}
