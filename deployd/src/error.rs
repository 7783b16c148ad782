//! The one error of the daemon: what failed, what was seen, what would mend it.

use std::fmt;
use std::time::Duration;

/// A result of this crate.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// What sort of failure it is; the HTTP code and the name of the stage follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request, or a file of the repository, says something that cannot be done.
    Invalid,
    /// No or no valid credentials.
    Unauthorized,
    /// Valid credentials of too low a level.
    Forbidden,
    /// The password is right, and a one-time code has to come with it.
    CodeMissing,
    /// Too many attempts.
    Limited,
    /// There is no such thing.
    Missing,
    /// The state of things does not allow it now.
    Conflict,
    /// A newer deploy, a stop or a restart took its place.
    Superseded,
    /// The git host or the project's settings refuse it.
    Refused,
    /// The source could not be fetched by its deadline.
    Source,
    /// The build failed.
    Build,
    /// The new version did not start.
    Start,
    /// The new version started and is not healthy.
    Health,
    /// The public port could not be switched.
    Switch,
    /// The container engine failed.
    Engine,
    /// The daemon itself failed.
    Internal,
}

impl Kind {
    /// The word that names the stage in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Invalid => "settings",
            Self::Unauthorized | Self::Forbidden | Self::CodeMissing | Self::Limited => "access",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::Superseded => "superseded",
            Self::Refused | Self::Source => "source",
            Self::Build => "build",
            Self::Start => "start",
            Self::Health => "health",
            Self::Switch => "switch",
            Self::Engine => "engine",
            Self::Internal => "internal",
        }
    }
}

/// A failure with its cause and its remedy.
#[derive(Debug, Clone)]
pub struct Failure(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    what: String,
    saw: String,
    hint: Option<String>,
    lines: Vec<String>,
    public_key: Option<String>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// `what` says what was being done.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        let (saw, lines) = (String::new(), Vec::new());
        Self(Box::new(Inner { kind, what: what.into(), saw, hint: None, lines, public_key: None, retry_after: None }))
    }

    /// What was seen instead of success.
    #[must_use]
    pub fn saw(mut self, saw: impl fmt::Display) -> Self {
        self.0.saw = saw.to_string();
        self
    }

    /// What would mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says so if the disk is full: every stage of a deploy may be the one that meets it, and says it in other words.
    #[must_use]
    pub fn or_full_disk(self) -> Self {
        let full = |text: &String| text.to_ascii_lowercase().contains("no space left on device");
        if !full(&self.0.saw) && !self.0.lines.iter().any(full) {
            return self;
        }
        self.hint(
            "no space left on device: POST /prune removes what no version needs, `df -h` on the server shows the rest",
        )
    }

    /// The last lines that a build or an application printed.
    #[must_use]
    pub fn lines(mut self, lines: Vec<String>) -> Self {
        self.0.lines = lines;
        self
    }

    /// The key that the git host has to let in.
    #[must_use]
    pub fn public_key(mut self, key: Option<String>) -> Self {
        self.0.public_key = key;
        self
    }

    /// When another attempt makes sense.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What was being done.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// What was seen and what would mend it, without what was being done.
    #[must_use]
    pub fn cause(&self) -> String {
        match &self.0.hint {
            Some(hint) => format!("{} ({hint})", self.0.saw),
            None => self.0.saw.clone(),
        }
    }

    /// The last lines that a build or an application printed.
    #[must_use]
    pub fn last_lines(&self) -> &[String] {
        &self.0.lines
    }

    /// The key that the git host has to let in.
    #[must_use]
    pub fn deploy_key(&self) -> Option<&str> {
        self.0.public_key.as_deref()
    }

    /// When another attempt makes sense.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.cause();
        if cause.is_empty() { f.write_str(&self.0.what) } else { write!(f, "{}: {cause}", self.0.what) }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_wherever_it_was_met() {
        let step = Failure::new(Kind::Build, "build").saw("a non-zero code: 1");
        assert!(!step.clone().or_full_disk().cause().contains("prune"));
        let step = step.lines(vec!["head: error writing 'standard output': No space left on device".into()]);
        assert!(step.or_full_disk().cause().contains("POST /prune"));
        let commit = Failure::new(Kind::Engine, "commit").saw("write /big: no space left on device").hint("try again");
        let told = commit.or_full_disk().cause();
        assert!(told.contains("POST /prune") && !told.contains("try again"), "{told}");
    }
}
