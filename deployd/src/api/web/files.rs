//! The files of the page, as this program was built with them.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::api::App;

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($path:literal, $name:literal, $kind:ident) => {
        File { path: $path, kind: $kind, text: include_str!(concat!("../../page/", $name)) }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

static FILES: [File; 11] = [
    file!("/web", "index.html", HTML),
    file!("/web/page.css", "page.css", CSS),
    file!("/web/icon.svg", "icon.svg", ICON),
    file!("/web/page.js", "page.js", SCRIPT),
    file!("/web/actions.js", "actions.js", SCRIPT),
    file!("/web/api.js", "api.js", SCRIPT),
    file!("/web/deploys.js", "deploys.js", SCRIPT),
    file!("/web/dom.js", "dom.js", SCRIPT),
    file!("/web/login.js", "login.js", SCRIPT),
    file!("/web/logs.js", "logs.js", SCRIPT),
    file!("/web/status.js", "status.js", SCRIPT),
];

/// The routes of the files; everybody may have them.
pub fn files() -> Router<App> {
    FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(async move |headers: HeaderMap| serve(file, &headers)))
    })
}

/// Answers a file, or that the one the browser has is still right: another version of the daemon has other files at the
/// same places, so that a browser must ask every time.
fn serve(file: &'static File, headers: &HeaderMap) -> Response {
    let tag = tag(file.text);
    let caching = [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")), (header::ETAG, tag.clone())];
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|text| text.split(',')).map(|one| one.trim().trim_start_matches("W/"));
    if known.any(|one| one.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, file.kind)], file.text).into_response()
}

fn tag(text: &str) -> HeaderValue {
    let hash = HEXLOWER.encode(&Sha256::digest(text)[..16]);
    HeaderValue::from_str(&format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy forbids both, and a browser would only say so to whoever opens its console.
    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for File { path, text, .. } in &FILES {
            for forbidden in ["<style", "style=", "javascript:", "innerHTML", "eval(", "onclick=", "//cdn"] {
                assert!(!text.contains(forbidden), "{path}: {forbidden}");
            }
        }
        let page = FILES[0].text;
        assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=\"/web/").count());
    }

    #[test]
    fn every_file_that_is_named_is_served() {
        for File { path, text, .. } in &FILES {
            let named = text.split(['"', '\'']).filter(|word| word.starts_with("/web/") || word.starts_with("./"));
            for name in named.filter(|name| !["/web/login", "/web/logout"].contains(name)) {
                let name = name.strip_prefix("./").map_or(name.to_owned(), |name| format!("/web/{name}"));
                assert!(FILES.iter().any(|file| file.path == name), "{path} names {name}");
            }
        }
    }
}
