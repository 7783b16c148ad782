//! Looking at headers that only count when they stand there once.

use axum::http::HeaderMap;

/// The text of a header; nothing if it is not there, stands there twice, or is no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim).filter(|value| !value.is_empty()),
        _ => None,
    }
}
