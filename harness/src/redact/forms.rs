//! The forms in which a value can stand in a text: as it is, escaped, encoded, line by line.

use std::collections::BTreeSet;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding};

/// A line of a longer secret, or an encoded piece of one, that is shorter says nothing, and stands in places of its own.
const TELLING: usize = 16;

/// All forms of a value.
pub(super) fn of(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([value.to_owned()]);
    // a journal puts its own words before each line of a key
    if value.contains('\n') {
        let line = |line: &&str| line.len() >= TELLING && !line.starts_with("-----");
        forms.extend(value.lines().map(str::trim).filter(line).map(str::to_owned));
    }
    let plain: Vec<String> = forms.iter().cloned().collect();
    for text in plain {
        forms.extend(escaped(&text));
        forms.extend([BASE64_NOPAD, BASE64URL_NOPAD].iter().flat_map(|encoding| encoded(encoding, &text)));
    }
    forms
}

/// As JSON and Rust's Debug write it, as an address does, as a shell's quotes do, as a page does.
fn escaped(text: &str) -> Vec<String> {
    let json = serde_json::Value::from(text).to_string();
    let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let page = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    vec![
        json[1..json.len() - 1].to_owned(),
        form.replace('+', "%20"),
        form,
        text.replace('\'', r"'\''"),
        page.replace('\'', "&#39;"),
        page,
    ]
}

/// The characters that a value is sure to become wherever it begins in what is encoded: base64 takes three bytes at a time.
fn encoded(encoding: &Encoding, text: &str) -> Vec<String> {
    let at = |offset: usize| {
        let bytes = [&[0; 2][..offset], text.as_bytes()].concat();
        let (first, last) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
        encoding.encode(&bytes).get(first..last).map(str::to_owned)
    };
    (0..3).filter_map(at).filter(|form| form.len() >= TELLING).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_wherever_it_begins_in_what_is_encoded() {
        let forms = of("the-0wner's s3cret=value");
        for before in ["", "a", "ab", "user:", "Zm9v"] {
            let whole = BASE64_NOPAD.encode(format!("{before}the-0wner's s3cret=value and more").as_bytes());
            assert!(forms.iter().any(|form| whole.contains(form)), "{before:?}: {whole}");
        }
        for form in ["the-0wner%27s+s3cret%3Dvalue", "the-0wner%27s%20s3cret%3Dvalue", r"the-0wner'\''s s3cret=value"] {
            assert!(forms.contains(form), "{forms:?}");
        }
    }

    #[test]
    fn a_key_is_found_line_by_line_and_its_frame_is_not_secret() {
        let forms =
            of("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----");
        assert!(forms.contains("b3BlbnNzaC1rZXktdjEAAAAA"));
        assert!(!forms.iter().any(|form| form == "-----BEGIN OPENSSH PRIVATE KEY-----"), "{forms:?}");
    }
}
