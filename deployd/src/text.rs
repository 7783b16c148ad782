//! Pieces of output put together to lines.

use std::collections::VecDeque;

/// How long a line may grow before it is cut: a program that never ends its line must not fill the memory.
const LONGEST: usize = 64 * 1024;

/// Puts pieces together to lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes a piece; answers the lines that it completed.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<String> {
        self.partial.extend_from_slice(piece);
        let mut lines = Vec::new();
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            lines.push(clean(&line));
        }
        if self.partial.len() > LONGEST {
            lines.extend(self.rest());
        }
        lines
    }

    /// What has no end of line yet.
    pub(crate) fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.partial);
        (!rest.is_empty()).then(|| clean(&rest))
    }
}

fn clean(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned()
}

/// The last lines of an output that may be long.
#[derive(Debug)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    most: usize,
}

impl Tail {
    /// Keeps so many lines.
    pub(crate) fn new(most: usize) -> Self {
        Self { lines: VecDeque::with_capacity(most), most }
    }

    /// Takes a line.
    pub(crate) fn push(&mut self, line: String) {
        if self.lines.len() == self.most {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The last lines, the oldest first.
    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}

/// A line without the sequences that paint it on a terminal.
pub(crate) fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // parameters, then one letter that says what they are for
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';').map_or(part.len(), |at| at + 1);
        plain.push_str(part.get(end..).unwrap_or_default());
    }
    plain
}

/// The last `count` of the lines.
pub(crate) fn last(lines: &[String], count: usize) -> Vec<String> {
    lines[lines.len().saturating_sub(count)..].to_vec()
}

/// A name that the engine accepts in names and references.
pub(crate) fn slug(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = name.chars().map(keep).collect();
    let parts: Vec<&str> = slug.split('-').filter(|part| !part.is_empty()).collect();
    let slug: String = parts.join("-").chars().take(40).collect();
    if slug.is_empty() { "project".into() } else { slug.trim_end_matches('-').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_from_pieces() {
        let mut lines = Lines::default();
        assert!(lines.take(b"one, ").is_empty());
        assert_eq!(lines.take(b"two\r\nthr"), ["one, two"]);
        assert_eq!(lines.rest().as_deref(), Some("thr"));
        assert!(lines.rest().is_none());
    }

    #[test]
    fn the_last_lines_are_kept() {
        let mut tail = Tail::new(2);
        for line in ["a", "b", "c"] {
            tail.push(line.to_owned());
        }
        assert_eq!(tail.into_lines(), ["b", "c"]);
    }

    #[test]
    fn paint_is_taken_off() {
        assert_eq!(without_colours("\u{1b}[1;31mred\u{1b}[0m and \u{1b}[Kplain"), "red and plain");
        assert_eq!(without_colours("no paint [0m"), "no paint [0m");
    }

    #[test]
    fn slugs_fit_the_engine() {
        assert_eq!(slug("My App_2.0"), "my-app-2-0");
        assert_eq!(slug("--"), "project");
    }
}
