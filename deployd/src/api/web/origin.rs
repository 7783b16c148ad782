//! Whether a request comes from the page of this daemon, and not from another site in the same browser.

use axum::http::{HeaderMap, Uri, header};

use crate::error::{Failure, Kind, Result};

/// Refuses a request that is not the page's own. What the cookie allows, only the page may ask for: `SameSite` alone would
/// let in an application on another port of this host, which is the same site.
pub fn demand_own(headers: &HeaderMap, uri: &Uri) -> Result<()> {
    foreign(headers, uri).map_or(Ok(()), |saw| {
        let failure =
            Failure::new(Kind::Forbidden, "a browser's session counts on the daemon's own page only").saw(saw);
        Err(failure.hint("open /web; programs log in with POST /user/login and send Authorization: Bearer TOKEN"))
    })
}

/// What shows that a request is another site's: what the browser says about it, and the origin, where either is sent. One
/// of them is by every browser since 2023; a WebSocket always has an origin.
fn foreign(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("not readable"));
    let (site, origin) = (text("sec-fetch-site"), text(header::ORIGIN.as_str()));
    if let Some(site) = site.filter(|site| *site != "same-origin") {
        return Some(format!("Sec-Fetch-Site is {site}"));
    }
    // HTTP/2 has no Host
    let host = text(header::HOST.as_str()).or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    if let Some(origin) = origin {
        let own = host.is_some_and(|host| origin.strip_prefix("https://") == Some(host));
        return (!own).then(|| format!("Origin is {origin}, and the host is {}", host.unwrap_or("not named")));
    }
    if headers.contains_key(header::UPGRADE) {
        return Some("a WebSocket without Origin".into());
    }
    site.is_none().then(|| "there is neither Sec-Fetch-Site nor Origin".into())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn is_own(headers: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect::<HeaderMap>();
        foreign(&headers, &Uri::from_static("/up")).is_none()
    }

    #[test]
    fn only_the_page_itself_is_let_in() {
        let (host, origin) = (("host", "vps:4303"), ("origin", "https://vps:4303"));
        let own = ("sec-fetch-site", "same-origin");
        for headers in [vec![host, own], vec![host, origin], vec![host, own, origin]] {
            assert!(is_own(&headers), "{headers:?}");
        }
        let upgrade = ("upgrade", "websocket");
        assert!(is_own(&[host, origin, upgrade]));
        assert!(!is_own(&[host, own, upgrade]));
        let sites = ["cross-site", "same-site", "none", ""].map(|site| vec![host, ("sec-fetch-site", site), origin]);
        let origins = ["https://vps", "https://vps:8443", "http://vps:4303", "https://evil.example", "null", ""];
        let origins = origins.map(|origin| vec![host, own, ("origin", origin)]);
        for headers in sites.into_iter().chain(origins).chain([vec![host], vec![origin]]) {
            assert!(!is_own(&headers), "{headers:?}");
        }
    }

    #[test]
    fn http_2_names_the_host_in_its_address() {
        let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static("https://vps:4303"))]);
        assert!(foreign(&headers, &Uri::from_static("https://vps:4303/up")).is_none());
        assert!(foreign(&headers, &Uri::from_static("https://other:4303/up")).is_some());
    }
}
