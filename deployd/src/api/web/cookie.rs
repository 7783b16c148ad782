//! The cookie that holds the page's session.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::error::{Failure, Kind, Result};

/// Its name. Browsers take a cookie of this prefix only from this very host, over TLS and for every path, so that neither
/// another host nor an application without TLS on this one can put a session in its place.
const NAME: &str = "__Host-deployd";
/// What browsers must know of it: never over plain HTTP, never for a script, never in a request that another site began.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// The token in a request's cookie. HTTP/2 may send several headers.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == NAME && !value.is_empty()).map(|(_, value)| value)
}

/// The header that begins a session. It ends with the browser; the daemon may end it before.
pub fn set(token: &str) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(&format!("{NAME}={token}; {ATTRIBUTES}"));
    value.map_err(|error| Failure::new(Kind::Internal, "put a token into a cookie").saw(error))
}

/// The header that makes a browser forget it.
pub fn forget() -> HeaderValue {
    HeaderValue::from_static("__Host-deployd=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|text| (header::COOKIE, HeaderValue::from_static(text))).collect()
    }

    #[test]
    fn the_token_is_found_among_the_cookies_of_others() {
        assert_eq!(token(&sent(&["theme=dark; __Host-deployd=a.b.c; x=y=z"])), Some("a.b.c"));
        assert_eq!(token(&sent(&["theme=dark", "__Host-deployd=a.b.c"])), Some("a.b.c"));
        assert_eq!(token(&sent(&["deployd=a.b.c; x__Host-deployd=a; __Host-deployd="])), None);
    }

    #[test]
    fn setting_and_forgetting_agree_about_name_and_attributes() {
        let (set, forget) = (set("a.b.c").unwrap(), forget());
        assert_eq!(set, format!("{NAME}=a.b.c; {ATTRIBUTES}"));
        assert_eq!(forget, format!("{NAME}=; {ATTRIBUTES}; Max-Age=0"));
    }
}
