//! `.dockerignore`: what of a work tree stays out of a build.

use std::path::Path;

use super::pattern::Pattern;
use crate::error::Result;
use crate::files;

/// The patterns of a `.dockerignore`, in their order.
#[derive(Debug, Default)]
pub(super) struct IgnoreFile {
    patterns: Vec<Pattern>,
}

/// What the patterns say about one path: whether each of them matches it or a folder above it.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    matched: Vec<bool>,
    /// Whether the path stays out.
    pub(super) ignored: bool,
}

impl IgnoreFile {
    /// The file that counts for a Dockerfile: one of its own name beside it, else that of the root.
    pub(super) fn of_tree(tree: &Path, dockerfile: &str) -> Result<Self> {
        let own = files::read_in_tree(tree, &format!("{dockerfile}.dockerignore"))?;
        let text = match own {
            Some(text) => Some(text),
            None => files::read_in_tree(tree, ".dockerignore")?,
        };
        let mut ignore = Self::parse(text.as_deref().unwrap_or_default())?;
        // the engine needs both, and leaves them out of the image itself where the patterns say so
        for needed in [dockerfile, ".dockerignore"] {
            let escaped: String =
                needed.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect();
            let pattern = Pattern::parse(&format!("!{escaped}"))?;
            ignore.patterns.extend(pattern.filter(|_| !ignore.patterns.is_empty()));
        }
        Ok(ignore)
    }

    /// `.slugignore`, which is to a buildpack what `.dockerignore` is to a Dockerfile. Its lines are read as git reads
    /// its own: a name without a slash means files in every folder.
    pub(super) fn of_slug(tree: &Path) -> Result<Self> {
        let text = files::read_in_tree(tree, ".slugignore")?.unwrap_or_default();
        let anywhere = |line: &str| {
            let name = line.trim().trim_end_matches('/');
            let is_name = !name.is_empty() && !name.contains('/') && !name.starts_with(['#', '!']);
            if is_name { format!("**/{name}") } else { line.to_owned() }
        };
        Self::parse(&text.lines().map(anywhere).collect::<Vec<_>>().join("\n"))
    }

    fn parse(text: &str) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let patterns: Result<Vec<_>> = text.lines().map(Pattern::parse).collect();
        Ok(Self { patterns: patterns?.into_iter().flatten().collect() })
    }

    /// The verdict on a path, given that on the folder it lies in: a pattern that matches a folder matches all of it,
    /// and the last pattern that matches decides.
    pub(super) fn verdict(&self, path: &str, folder: &Verdict) -> Verdict {
        let inherited = |index: usize| folder.matched.get(index).copied().unwrap_or(false);
        let matched: Vec<bool> =
            self.patterns.iter().enumerate().map(|(index, it)| inherited(index) || it.matches(path)).collect();
        let last = self.patterns.iter().zip(&matched).rev().find(|(_, matched)| **matched);
        Verdict { ignored: last.is_some_and(|(pattern, _)| !pattern.includes), matched }
    }

    /// Whether something in an ignored folder may have been included again.
    pub(super) fn includes_again(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.includes)
    }
}

/// Whether a character means something else in a pattern.
fn special(c: char) -> bool {
    "*?[\\".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(ignore: &IgnoreFile, path: &str) -> bool {
        let (mut verdict, mut so_far) = (Verdict::default(), String::new());
        for part in path.split('/') {
            so_far = if so_far.is_empty() { part.to_owned() } else { format!("{so_far}/{part}") };
            verdict = ignore.verdict(&so_far, &verdict);
        }
        verdict.ignored
    }

    #[test]
    fn the_last_matching_line_decides() {
        let ignore = IgnoreFile::parse("*.md\n!README.md\n# no\n").unwrap();
        assert!(ignored(&ignore, "NOTES.md") && !ignored(&ignore, "README.md"));
        let ignore = IgnoreFile::parse("!README.md\n*.md").unwrap();
        assert!(ignored(&ignore, "README.md"));
    }

    #[test]
    fn a_pattern_is_bound_to_the_root_and_takes_whole_folders() {
        let ignore = IgnoreFile::parse("secret\n**/cache\n").unwrap();
        assert!(ignored(&ignore, "secret/deep/key") && !ignored(&ignore, "sub/secret"));
        assert!(ignored(&ignore, "a/b/cache/x"));
    }

    #[test]
    fn a_file_comes_back_out_of_an_ignored_folder() {
        let ignore = IgnoreFile::parse("dist\n!dist/keep\n!**/*.txt").unwrap();
        assert!(!ignored(&ignore, "dist/keep/x") && !ignored(&ignore, "dist/a/b.txt") && ignored(&ignore, "dist/b"));
        assert!(ignore.includes_again());
    }

    #[test]
    fn a_slug_is_without_what_its_file_names_in_any_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!ignored(&IgnoreFile::of_slug(dir.path()).unwrap(), "a"));
        std::fs::write(dir.path().join(".slugignore"), "# no\n*.psd\ntests/\n/docs/big\n").unwrap();
        let ignore = IgnoreFile::of_slug(dir.path()).unwrap();
        for out in ["a.psd", "art/a.psd", "tests/x", "app/tests/x", "docs/big/x"] {
            assert!(ignored(&ignore, out), "{out}");
        }
        assert!(!ignored(&ignore, "app.py") && !ignored(&ignore, "app/docs/big"));
    }

    #[test]
    fn everything_but_a_few_files() {
        let ignore = IgnoreFile::parse("**\n!src\n!Cargo.toml").unwrap();
        assert!(!ignored(&ignore, "src/main.rs") && !ignored(&ignore, "Cargo.toml") && ignored(&ignore, "x/y"));
    }

    #[test]
    fn the_files_of_the_build_itself_are_sent() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".dockerignore"), "*").unwrap();
        let ignore = IgnoreFile::of_tree(dir.path(), "Dockerfile").unwrap();
        assert!(!ignored(&ignore, "Dockerfile") && !ignored(&ignore, ".dockerignore") && ignored(&ignore, "x"));
        std::fs::write(dir.path().join("Dockerfile.dockerignore"), "y").unwrap();
        let ignore = IgnoreFile::of_tree(dir.path(), "Dockerfile").unwrap();
        assert!(ignored(&ignore, "y") && !ignored(&ignore, "x"));
    }
}
