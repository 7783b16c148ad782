//! The secrets that this process knows, and taking them out of texts.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde_json::Value;

use super::{STRUCK_OUT, forms, handover, patterns};

/// What is shorter is a word like any other.
const SHORTEST: usize = 6;
/// What is longer is no secret, but a test of what is accepted as one.
const LONGEST: usize = 8 << 10;
/// What is shorter is struck out only where it stands alone: a code of six digits is a part of many hashes.
const UNMISTAKABLE: usize = 12;

/// What this process has learnt. A secret is learnt in one place and printed in any other, so there is one for all.
static KNOWN: Mutex<Option<Secrets>> = Mutex::new(None);

/// Values that must not be written down.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    values: BTreeSet<String>,
    /// All forms of all values, the longest that fits first; nothing as long as there is no value.
    finder: Option<AhoCorasick>,
}

impl Secrets {
    /// Adds values; answers whether any of them is new.
    pub fn learn<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) -> bool {
        let before = self.values.len();
        let values = values.into_iter().map(str::trim).filter(|value| (SHORTEST..=LONGEST).contains(&value.len()));
        self.values.extend(values.map(str::to_owned));
        if self.values.len() == before {
            return false;
        }
        let forms: BTreeSet<String> = self.values.iter().flat_map(|value| forms::of(value)).collect();
        // made anew with each value, and texts are short: the kind that is made quickest
        let kind = Some(AhoCorasickKind::NoncontiguousNFA);
        self.finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).kind(kind).build(forms).ok();
        true
    }

    /// The text without them, and without what looks like a secret.
    #[must_use]
    pub fn strike_out(&self, text: &str) -> String {
        patterns::strike_out(&self.strike_out_values(text))
    }

    fn strike_out_values(&self, text: &str) -> String {
        let Some(finder) = &self.finder else { return text.to_owned() };
        let mut clean = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut clean, |found, word, clean| {
            let alone = stands_alone(text, found.start(), found.end());
            clean.push_str(if word.len() >= UNMISTAKABLE || alone { STRUCK_OUT } else { word });
            true
        });
        clean
    }
}

/// Whether what is between these places is a word of its own.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let joins = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    !joins(text[..start].chars().next_back()) && !joins(text[end..].chars().next())
}

fn known() -> MutexGuard<'static, Option<Secrets>> {
    // a panic elsewhere leaves the values as they were
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on this value is struck out of everything that this process writes down, and of what its runner does.
pub fn learn(value: &str) {
    if known().get_or_insert_default().learn([value]) {
        handover::tell(value);
    }
}

/// Learns the secrets in a document: the texts under names such as `password` and `token`, and the values that come with
/// the wish to encrypt them.
pub fn learn_from(document: &Value) {
    match document {
        Value::Object(fields) => {
            let encrypted = fields.get("encrypt").is_some_and(|it| *it == Value::Bool(true));
            for (name, value) in fields {
                if patterns::names_a_secret(name) || (encrypted && name == "value") {
                    learn_all(value);
                }
                learn_from(value);
            }
        }
        Value::Array(items) => items.iter().for_each(learn_from),
        _ => {}
    }
}

fn learn_all(value: &Value) {
    match value {
        Value::String(text) => learn(text),
        Value::Array(items) => items.iter().for_each(learn_all),
        _ => {}
    }
}

/// The text without the secrets that this process knows, and without what looks like one.
#[must_use]
pub fn strike_out(text: &str) -> String {
    match &*known() {
        Some(secrets) => secrets.strike_out(text),
        None => patterns::strike_out(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.learn(values.iter().copied());
        secrets
    }

    #[test]
    fn known_values_are_struck_out_in_every_form_and_the_rest_stays() {
        let secrets = of(&["correct horse", "the-0wner's \"s3cret\""]);
        let text = "logged in by correct horse; password=correct+horse&user=ann\n\
                    {\"value\":\"the-0wner's \\\"s3cret\\\"\"} commit 0123456789abcdef";
        assert_eq!(
            secrets.strike_out(text),
            "logged in by [struck out]; password=[struck out]&user=ann\n\
             {\"value\":\"[struck out]\"} commit 0123456789abcdef"
        );
    }

    #[test]
    fn a_short_code_is_struck_out_only_where_it_stands_alone() {
        let secrets = of(&["123456"]);
        assert_eq!(secrets.strike_out("code 123456, image 9123456f"), "code [struck out], image 9123456f");
    }

    #[test]
    fn what_is_too_short_or_too_long_is_no_secret() {
        assert!(!Secrets::default().learn(["", " ", "short", &"0123456789".repeat(1000)]));
    }

    #[test]
    fn documents_tell_their_secrets() {
        let body = serde_json::json!({
            "username": "ann-of-the-document", "password": "horse of the document",
            "data": { "totp": { "secret": "SECRETOFTHEDOCUMENT", "backup_codes": ["backup-of-the-document"] } },
            "variables": [{ "name": "A", "value": "sealed in the document", "encrypt": true }],
        });
        learn_from(&body);
        let clean = strike_out(&body.to_string());
        assert_eq!(clean.matches(STRUCK_OUT).count(), 4, "{clean}");
        assert!(clean.contains("ann-of-the-document"), "{clean}");
    }
}
