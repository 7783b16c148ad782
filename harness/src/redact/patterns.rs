//! What looks like a secret, whoever made it: tokens, private keys, headers of logins, passwords in addresses.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::STRUCK_OUT;

/// The ends of names whose values are secret.
const NAMES: &str = r"password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|credentials?";

/// What is kept of a match (`before`, `after`), and what is not: all the rest of it. What is struck out already is taken as a
/// whole, so that a text may be gone over twice.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = format!(r"[\w.-]*(?:{NAMES}|backup_codes)");
    [
        // a private key to its end; one whose end is missing ends with the text
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)".to_owned(),
        // one whose beginning is missing: the log before it was cut off
        r"(?m)(?:^.*[A-Za-z0-9+/=]{16,}\r?\n)*^.*-----END [A-Z0-9 ]*PRIVATE KEY-----".to_owned(),
        r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*".to_owned(),
        r#"(?i)(?<before>\bauthorization["']?\s*[:=]\s*["']?(?:basic|bearer|digest|token)?\s*)(?:\[struck out\]|[^\s"'\\,;]+)"#
            .to_owned(),
        r"(?i)(?<before>\bbearer\s+)[A-Za-z0-9._~+/=-]{16,}".to_owned(),
        r#"(?i)(?<before>\b(?:set-)?cookie["']?:\s*["']?)(?:\[struck out\]|[^\r\n"']+)"#.to_owned(),
        r#"(?i)(?<before>\b[a-z][a-z0-9+.-]*://[^\s/@:"']*:)(?:\[struck out\]|[^\s/@"']+)(?<after>@)"#.to_owned(),
        // NAME=value in a file, a command or an address; "name": "value" in a document
        format!(r#"(?i)(?<before>\b{name}=["']?)(?:\[struck out\]|[^\s"'\\,;&]+)"#),
        format!(r#"(?i)(?<before>\\?"{name}\\?"\s*:\s*\\?")(?:\[struck out\]|[^"\\]+)"#),
    ]
    .iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!("(?i)(?:{NAMES}|^totp|backup_codes)$")).ok());

/// The text without what looks like a secret.
pub(super) fn strike_out(text: &str) -> String {
    PATTERNS.iter().fold(text.to_owned(), |text, pattern| {
        let kept = |found: &Captures<'_>, name| found.name(name).map_or("", |it| it.as_str()).to_owned();
        let replace = |found: &Captures<'_>| format!("{}{STRUCK_OUT}{}", kept(found, "before"), kept(found, "after"));
        pattern.replace_all(&text, replace).into_owned()
    })
}

/// Whether the value of a field with this name is secret.
pub(super) fn names_a_secret(name: &str) -> bool {
    NAME.as_ref().is_some_and(|pattern| pattern.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(PATTERNS.len(), 9);
        assert!(names_a_secret("webhook_secret") && names_a_secret("totp") && !names_a_secret("deploy_key"));
    }

    #[test]
    fn what_looks_like_a_secret_is_struck_out_and_the_rest_stays() {
        for (text, clean) in [
            ("token=eyJhbGci.eyJzdWIi.c2ln rest", "token=[struck out] rest"),
            ("GET /logs?token=eyJh.eyJz.c2ln&tail=5", "GET /logs?token=[struck out]&tail=5"),
            ("Authorization: Bearer abc.def\nHost: a", "Authorization: Bearer [struck out]\nHost: a"),
            ("\"authorization\": \"Basic dXNlcjpwYXNz\"}", "\"authorization\": \"Basic [struck out]\"}"),
            ("sent bearer 0123456789abcdef0", "sent bearer [struck out]"),
            ("Set-Cookie: session=abc; Secure\nnext", "Set-Cookie: [struck out]\nnext"),
            ("clone https://reader:pa55@git/srv/a.git", "clone https://reader:[struck out]@git/srv/a.git"),
            ("DEPLOYD_WEBHOOK_SECRET=abc DEBUG=1", "DEPLOYD_WEBHOOK_SECRET=[struck out] DEBUG=1"),
            (r#"{"password":"a b","name":"ann"}"#, r#"{"password":"[struck out]","name":"ann"}"#),
            (r#""{\"token\": \"abc\"}""#, r#""{\"token\": \"[struck out]\"}""#),
            ("a\n-----BEGIN RSA PRIVATE KEY-----\nb3Blbn\n-----END RSA PRIVATE KEY-----\nb", "a\n[struck out]\nb"),
            ("a\n-----BEGIN PRIVATE KEY-----\nb3Blbn", "a\n[struck out]"),
            ("host app: b3BlbnNzaC1rZXktdjEAAAAA\nhost app: -----END OPENSSH PRIVATE KEY-----\nb", "[struck out]\nb"),
        ] {
            assert_eq!(strike_out(text), clean);
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "commit 0123456789abcdef0123456789abcdef01234567",
            "GitHub with another secret: 202 instead of 401",
            "wrong passwords: [401, 401], Some(429)",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE testvps",
            "passwordauthentication no\nssh://git@host/srv/git/a.git",
            "ann's token is valid after she was removed",
        ] {
            assert_eq!(strike_out(text), text);
        }
        // what is struck out once stays as it is
        let clean = strike_out("Authorization: Bearer abc.def password=abc \"token\":\"abc\" http://a:b@c Cookie: a=b");
        assert_eq!(strike_out(&clean), clean);
    }
}
