//! Quoting a word for a POSIX shell.

use std::borrow::Cow;

/// `word` written so that a POSIX shell reads it back as one word, unchanged. What needs no quotes gets none.
#[must_use]
pub fn quote(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    // Inside single quotes a shell gives nothing a meaning but the single quote itself.
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_word_stays_as_it_is() {
        assert_eq!(quote("/srv/app-1.2_x"), "/srv/app-1.2_x");
        assert!(matches!(quote("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_shell_reads_every_quoted_word_back_unchanged() {
        for word in ["", "two words", "it's", "$HOME `id` \\ \"x\"", "line\nbreak", "~root", "a=b", "ü*?[x]", "-n;#"] {
            let script = format!("printf %s {}", quote(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh runs");
            assert_eq!(String::from_utf8_lossy(&output.stdout), word, "{script}");
        }
    }
}
