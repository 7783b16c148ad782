//! What a command wrote and how it ended.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// How many of its last lines an error quotes of each stream.
const TAIL_LINES: usize = 20;

/// Which of its two streams a command wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// It exited with this status.
    Code(u32),
    /// A signal ended it; the name is without `SIG`.
    Signal(String),
}

impl ExitStatus {
    /// Whether it exited with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        *self == Self::Code(0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "status {code}"),
            Self::Signal(name) => write!(f, "signal {name}"),
        }
    }
}

/// A finished command: what it wrote, how it ended, how long it took.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub status: ExitStatus,
    /// From the request to the end.
    pub elapsed: Duration,
}

impl Output {
    /// Whether it exited with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// Standard output as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

impl fmt::Debug for Output {
    /// The text a person reads: a failed assertion shows what the command said, not a list of bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {:.1} s", self.status, self.elapsed.as_secs_f64())?;
        for (name, text) in [("stdout", self.stdout_text()), ("stderr", self.stderr_text())] {
            if !text.is_empty() {
                write!(f, "\n{name}: {}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// The end of both streams, as an error quotes it.
pub(super) fn tail(stdout: &[u8], stderr: &[u8]) -> String {
    let mut text = String::new();
    for (name, bytes) in [("stderr", stderr), ("stdout", stdout)] {
        let whole = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = whole.trim_end().lines().collect();
        if lines.is_empty() {
            continue;
        }
        let from = lines.len().saturating_sub(TAIL_LINES);
        let cut = if from == 0 { String::new() } else { format!(" (last {TAIL_LINES} lines)") };
        text = format!("{text}\n{name}{cut}: {}", lines[from..].join("\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_the_text() {
        let output = Output {
            stdout: b"one\n".to_vec(),
            stderr: b"two\n".to_vec(),
            status: ExitStatus::Signal("TERM".to_owned()),
            elapsed: Duration::from_millis(250),
        };
        assert_eq!(format!("{output:?}"), "signal TERM after 0.2 s\nstdout: one\nstderr: two");
    }

    #[test]
    fn an_error_quotes_the_last_lines_and_says_that_there_were_more() {
        let long = (1..=100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        let text = tail(b"", long.as_bytes());
        assert!(text.starts_with("\nstderr (last 20 lines): line 81\n"), "{text}");
        assert!(text.ends_with("line 100"), "{text}");
    }
}
