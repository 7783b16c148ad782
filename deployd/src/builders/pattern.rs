//! One pattern of a `.dockerignore`, with the rules of Docker's own matcher.

use crate::error::{Failure, Kind, Result};

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// This character.
    Is(char),
    /// `?`: one character that is not a slash.
    One,
    /// `*`: any number of characters that are not slashes.
    Some,
    /// `**/`: nothing, or any text that ends in a slash.
    Folders,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]`, `[^a-z]`: one character of a class.
    Class(bool, Vec<(char, char)>),
}

/// A pattern, and whether it includes again what others exclude.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// `!`: what it matches is included again.
    pub(super) includes: bool,
    pieces: Vec<Piece>,
}

impl Pattern {
    /// Reads a line; nothing if it is empty or a comment.
    pub(super) fn parse(line: &str) -> Result<Option<Self>> {
        if line.starts_with('#') {
            return Ok(None);
        }
        let line = line.trim();
        let (includes, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if text.is_empty() {
            let failure = Failure::new(Kind::Invalid, format!("read the line {line:?} of .dockerignore"));
            return if includes { Err(failure.saw("there is nothing after the !")) } else { Ok(None) };
        }
        let text = clean(text);
        let pieces = pieces(&text).ok_or_else(|| {
            Failure::new(Kind::Invalid, format!("read the line {line:?} of .dockerignore")).saw("a [ is not closed")
        })?;
        Ok(Some(Self { includes, pieces }))
    }

    /// Whether it matches a path, which is relative and has slashes between its parts.
    pub(super) fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        matches(&self.pieces, &path)
    }
}

/// Lexically what Go's `filepath.Clean` makes of it, without a leading slash.
fn clean(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            // above the root there is nothing
            ".." if text.starts_with('/') && parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".into() } else { parts.join("/") }
}

fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut chars = text.chars().peekable();
    let mut pieces = Vec::new();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                chars.next_if_eq(&'/');
                if chars.peek().is_none() { Piece::Rest } else { Piece::Folders }
            }
            '*' => Piece::Some,
            '?' => Piece::One,
            '[' => class(&mut chars)?,
            '\\' => Piece::Is(chars.next().unwrap_or('\\')),
            c => Piece::Is(c),
        });
    }
    Some(pieces)
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Piece> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let mut next = || match chars.next()? {
            '\\' => chars.next().map(|c| (c, true)),
            c => Some((c, false)),
        };
        let (from, escaped) = next()?;
        if from == ']' && !escaped && !ranges.is_empty() {
            return Some(Piece::Class(negated, ranges));
        }
        if chars.next_if_eq(&'-').is_some() {
            let to = match chars.next()? {
                '\\' => chars.next()?,
                c => c,
            };
            ranges.push((from, to));
        } else {
            ranges.push((from, from));
        }
    }
}

/// Whether all pieces match all characters. Each wildcard remembers only the furthest place that matters, so that no
/// pattern takes long: the set of places in the path that the pieces so far can reach.
fn matches(pieces: &[Piece], path: &[char]) -> bool {
    let mut places = vec![false; path.len() + 1];
    places[0] = true;
    for piece in pieces {
        let mut next = vec![false; path.len() + 1];
        let mut reaching = false;
        for place in 0..=path.len() {
            let here = places[place];
            match piece {
                Piece::Some => {
                    reaching = here || (reaching && place > 0 && path[place - 1] != '/');
                    next[place] = reaching;
                }
                Piece::Rest => {
                    reaching |= here;
                    next[place] = reaching;
                }
                Piece::Folders => {
                    next[place] = here || (reaching && path[place - 1] == '/');
                    reaching |= here;
                }
                Piece::Is(_) | Piece::One | Piece::Class(..) => {
                    if here && place < path.len() && one(piece, path[place]) {
                        next[place + 1] = true;
                    }
                }
            }
        }
        places = next;
    }
    places[path.len()]
}

fn one(piece: &Piece, c: char) -> bool {
    match piece {
        Piece::Is(wanted) => *wanted == c,
        Piece::Class(negated, ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
        _ => c != '/',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases of Docker's own tests of its matcher.
    #[test]
    fn patterns_match_as_dockers_do() {
        for (pattern, path, expected) in [
            ("**", "file", true),
            ("**", "dir/file", true),
            ("**/", "file", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir/dir2/file", true),
            ("**/dir", "dir", true),
            ("**/dir", "dir/file", false),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/*", "dir/dir2/dir2/dir2/file", true),
            ("**file", "file", true),
            ("**file", "dir/file", true),
            ("**/file", "dir/dir/file", true),
            ("**/file*", "dir/dir/file.txt", true),
            ("**/file*txt", "dir/dir/file.txt", true),
            ("**/**/*.txt", "dir/dir/file.txt", true),
            ("**/**/*.txt2", "dir/dir/file.txt", false),
            ("**/*.txt", "file.txt", true),
            ("a**/*.txt", "a/file.txt", true),
            ("a**/*.txt", "a/dir/dir/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a/*.txt", "a/file.txt", true),
            ("a[b-d]e", "ae", false),
            ("a[b-d]e", "ace", true),
            ("a[^b-d]e", "aze", true),
            ("abc.def", "abcdef", false),
            ("abc?def", "abcZdef", true),
            ("abc?def", "abc/def", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("**/foo/bar", "foo/bar", true),
            ("**/foo/bar", "dir/foo/bar", true),
            ("abc/**", "abc", false),
            ("abc/**", "abc/def/ghi", true),
            ("**/.foo", ".foo", true),
            ("**/.foo", "bar.foo", false),
            ("/a", "a", true),
            ("./b/../a/", "a", true),
        ] {
            let read = Pattern::parse(pattern).unwrap().unwrap();
            assert_eq!(read.matches(path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        assert!(Pattern::parse("# x").unwrap().is_none());
        assert!(Pattern::parse("  ").unwrap().is_none());
        assert!(Pattern::parse("!").is_err());
        assert!(Pattern::parse("a[b").is_err());
        assert!(Pattern::parse("! x").unwrap().unwrap().includes);
    }
}
