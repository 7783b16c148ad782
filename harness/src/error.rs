//! What can go wrong, by stage; each failure says where, for how long, what was last seen and what to do.

use std::fmt;
use std::time::Duration;

use crate::called::as_typed_here;

/// The result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, by the stage at which it happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that the catalog, the state folder or a project does not know. The message lists the valid ones.
    #[error("{0}")]
    Name(Failure),
    /// This machine cannot do it: no engine, no source for a base image, no package. The hint says what mends it.
    #[error("this machine: {0}")]
    Machine(Failure),
    /// The container engine refused or stopped answering.
    #[error("engine: {0}")]
    Engine(Failure),
    /// A base image could not be fetched.
    #[error("pull: {0}")]
    Pull(Failure),
    /// An image could not be built.
    #[error("build: {0}")]
    Build(Failure),
    /// The VPS did not come up.
    #[error("boot: {0}")]
    Boot(Failure),
    /// No SSH transport to the VPS.
    #[error("connect: {0}")]
    Connect(Failure),
    /// The SSH server refused the login, or its host key is not the pinned one.
    #[error("authenticate: {0}")]
    Authenticate(Failure),
    /// A command on the VPS could not be run, or ended with another status than the one required.
    #[error("exec: {0}")]
    Exec(Failure),
    /// A file could not be copied to or from the VPS.
    #[error("copy: {0}")]
    Copy(Failure),
    /// A port of the VPS could not be forwarded.
    #[error("forward: {0}")]
    Forward(Failure),
    /// The deploy tool under test could not be installed, or a deploy failed.
    #[error("deploy: {0}")]
    Deploy(Failure),
    /// The browser could not be started, or a page did not show what it should.
    #[error("browser: {0}")]
    Browser(Failure),
    /// A fault could not be put upon a VPS, or not be taken away.
    #[error("fault: {0}")]
    Fault(Failure),
    /// A file of ours (catalog, project, state) is wrong or cannot be read or written.
    #[error("file: {0}")]
    File(Failure),
}

impl Error {
    /// The failure behind whichever stage it is.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Name(f)
            | Self::Machine(f)
            | Self::Engine(f)
            | Self::Pull(f)
            | Self::Build(f)
            | Self::Boot(f)
            | Self::Connect(f)
            | Self::Authenticate(f)
            | Self::Exec(f)
            | Self::Copy(f)
            | Self::Forward(f)
            | Self::Deploy(f)
            | Self::Browser(f)
            | Self::Fault(f)
            | Self::File(f) => f,
        }
    }
}

/// The facts of one failure: what was done, to what, for how long, what was last seen, what helps.
pub struct Failure(Box<Facts>);

struct Facts {
    subject: String,
    action: String,
    elapsed: Option<Duration>,
    seen: Option<String>,
    hint: Option<String>,
}

impl Failure {
    /// `subject` is what it happened to (`debian 12 (a)`), `action` what was being done (`connect to 127.0.0.1:49153`).
    pub fn new(subject: impl Into<String>, action: impl Into<String>) -> Self {
        Self(Box::new(Facts { subject: subject.into(), action: action.into(), elapsed: None, seen: None, hint: None }))
    }

    /// How long it had been tried.
    #[must_use]
    pub fn after(mut self, elapsed: Duration) -> Self {
        self.0.elapsed = Some(elapsed);
        self
    }

    /// What was last seen: the answer, the output, the error of the layer below.
    #[must_use]
    pub fn saw(mut self, seen: impl fmt::Display) -> Self {
        let seen = seen.to_string();
        self.0.seen = (!seen.trim().is_empty()).then(|| seen.trim_end().to_owned());
        self
    }

    /// What the reader can do about it. `cargo xtask` in it becomes the words that work where this process was started.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.0.hint = Some(as_typed_here(&hint.to_string()));
        self
    }

    /// What it happened to.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What was last seen before it failed.
    #[must_use]
    pub fn seen(&self) -> Option<&str> {
        self.0.seen.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { subject, action, elapsed, seen, hint } = &*self.0;
        write!(f, "{subject}: {action}")?;
        if let Some(elapsed) = elapsed {
            write!(f, " (after {:.1} s)", elapsed.as_secs_f64())?;
        }
        match seen {
            Some(seen) if seen.contains('\n') => write!(f, ":\n  {}", seen.replace('\n', "\n  "))?,
            Some(seen) => write!(f, ": {seen}")?,
            None => {}
        }
        hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  help: {}", hint.replace('\n', "\n        ")))
    }
}

impl fmt::Debug for Failure {
    /// A test that returns an error prints its Debug: make that the text a person reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<crate::catalog::UnknownSystem> for Error {
    fn from(unknown: crate::catalog::UnknownSystem) -> Self {
        Self::Name(Failure::new("catalog", "find the system").saw(unknown))
    }
}

/// An error with all its causes on one line: the outermost alone often says too little.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_what_where_how_long_what_was_seen_and_what_helps() {
        let failure = Failure::new("debian 12 (a)", "connect to 127.0.0.1:2222")
            .after(Duration::from_millis(1500))
            .saw("connection refused\n")
            .hint("cargo xtask logs a");
        assert_eq!(
            Error::Connect(failure).to_string(),
            "connect: debian 12 (a): connect to 127.0.0.1:2222 (after 1.5 s): connection refused\n  help: cargo xtask logs a"
        );
    }

    #[test]
    fn output_of_several_lines_is_set_off() {
        let failure = Failure::new("a", "run `false`").saw("one\ntwo");
        assert_eq!(failure.to_string(), "a: run `false`:\n  one\n  two");
    }
}
