//! Whether a client would rather have a page than an empty answer.

use axum::http::{HeaderMap, header};

/// Whether `text/html` is named and nothing is preferred over it. Browsers that open an address ask so; `*/*`, which
/// clients of the interface send, names nothing.
pub fn prefers_html(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(String, f32)> = texts.flat_map(|text| text.split(',')).map(range).collect();
    let html = ranges.iter().find(|(name, _)| name == "text/html").map_or(0.0, |(_, weight)| *weight);
    html > 0.0 && ranges.iter().all(|(_, weight)| *weight <= html)
}

/// The name of a media range, and its weight.
fn range(text: &str) -> (String, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse().ok());
    (name, weight.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(accept: &str) -> bool {
        let value = accept.parse().unwrap();
        prefers_html(&HeaderMap::from_iter([(header::ACCEPT, value)]))
    }

    #[test]
    fn browsers_get_the_page_and_other_clients_do_not() {
        assert!(html("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"));
        assert!(html("*/*;q=0.1, Text/HTML;level=1;q=0.5"));
        assert!(!prefers_html(&HeaderMap::new()));
        for accept in ["*/*", "application/json", "application/json, text/html;q=0.9", "text/html;q=0", "text/*"] {
            assert!(!html(accept), "{accept}");
        }
    }
}
