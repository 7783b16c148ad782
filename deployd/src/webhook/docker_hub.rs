//! Docker Hub, which signs nothing: the address that it is given holds the secret, `/webhook?key=SECRET`.

use serde::Deserialize;

use super::event::{Event, parse};
use super::verify;
use crate::error::Result;

#[derive(Deserialize)]
struct Body {
    push_data: PushData,
    repository: Repository,
}

#[derive(Deserialize)]
struct PushData {
    #[serde(default)]
    tag: String,
}

#[derive(Deserialize)]
struct Repository {
    repo_name: String,
}

/// The key of a query.
pub(super) fn key(query: Option<&str>) -> Option<String> {
    let mut keys = form_urlencoded::parse(query?.as_bytes()).filter(|(name, _)| name == "key");
    match (keys.next(), keys.next()) {
        (Some((_, key)), None) => Some(key.into_owned()),
        _ => None,
    }
}

pub(super) fn verify(query: Option<&str>, secret: &str) -> Result<()> {
    let given = key(query).ok_or_else(|| verify::refused("its address has not exactly one key"))?;
    if verify::same(&given, secret) { Ok(()) } else { Err(verify::refused("the key of its address is not the secret")) }
}

pub(super) fn event(body: &[u8]) -> Result<Event> {
    let Body { push_data, repository } = parse(body, "Docker Hub")?;
    Ok(Event::Image { repository: repository.repo_name, tag: push_data.tag })
}
