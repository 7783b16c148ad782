//! A webhook: the first line of an input is `PROVIDER EVENT`, the rest the body. The body is signed as it is, so that the
//! fuzzer reaches what lies behind the signature; `forged EVENT` brings a wrong one, which nothing may accept.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use data_encoding::HEXLOWER;
use deployd::webhook::read;
use ring::hmac;

/// What the sender and the daemon both know.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(super) fn run(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (line, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Some((provider, event)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(' ')) else { return };
    let signature = format!("sha256={}", HEXLOWER.encode(hmac::sign(&key(SECRET), body).as_ref()));
    let forged = format!("sha256={}", HEXLOWER.encode(hmac::sign(&key("another"), body).as_ref()));
    let (headers, query) = match provider {
        "github" => ([("x-github-event", event), ("x-hub-signature-256", &signature)], None),
        "gitlab" => ([("x-gitlab-event", event), ("x-gitlab-token", SECRET)], None),
        "bitbucket" => ([("x-event-key", event), ("x-hub-signature", &signature)], None),
        "hub" => ([("x-unused", ""), ("x-unused-too", "")], Some(format!("key={SECRET}"))),
        "forged" => ([("x-github-event", event), ("x-hub-signature-256", &forged)], Some(format!("key={event}"))),
        _ => return,
    };
    let Some(headers) = map(&headers) else { return };
    let read = read(&headers, query.as_deref(), body, SECRET);
    assert!(provider != "forged" || read.is_err(), "a webhook with a wrong signature is believed");
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn map(headers: &[(&'static str, &str)]) -> Option<HeaderMap> {
    let pairs = headers
        .iter()
        .map(|(name, value)| HeaderValue::from_str(value).ok().map(|value| (HeaderName::from_static(name), value)));
    pairs.collect()
}
