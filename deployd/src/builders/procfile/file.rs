//! The Procfile: which processes an application has, and the command of each.

use crate::error::{Failure, Kind, Result};

/// The type of process that serves.
const WEB: &str = "web";

/// A Procfile's process types and their commands, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procfile {
    types: Vec<(String, String)>,
}

impl Procfile {
    /// Reads a Procfile: a line for each type, `web: COMMAND`; empty lines and lines that begin with # mean nothing.
    pub fn parse(text: &str) -> Result<Self> {
        let mut types: Vec<(String, String)> = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, command) = entry(line).map_err(|saw| failure(index + 1).saw(saw).hint("web: COMMAND"))?;
            if types.iter().any(|(other, _)| other == name) {
                return Err(failure(index + 1).saw(format!("a second {name}")).hint("each type has one line"));
            }
            types.push((name.to_owned(), command.to_owned()));
        }
        Ok(Self { types })
    }

    /// The command of a process type.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&str> {
        self.types.iter().find(|(other, _)| other == name).map(|(_, command)| command.as_str())
    }

    /// The names of its process types.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|(name, _)| name.as_str())
    }

    /// Refuses a Procfile of which nothing would serve.
    pub fn needs_web(&self) -> Result<()> {
        if self.command(WEB).is_some() {
            return Ok(());
        }
        let there = self.types().collect::<Vec<_>>().join(", ");
        let there = if there.is_empty() { "it is empty".to_owned() } else { format!("it has only {there}") };
        let failure = Failure::new(Kind::Build, "find the process type web in the Procfile").saw(there);
        Err(failure.hint("only a process of the type web is served: web: COMMAND"))
    }
}

fn failure(line: usize) -> Failure {
    Failure::new(Kind::Build, format!("read line {line} of the Procfile"))
}

fn entry(line: &str) -> Result<(&str, &str), String> {
    let (name, command) = line.split_once(':').ok_or_else(|| format!("there is no colon in {line:?}"))?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
        return Err(format!("{name:?} is no process type: letters, digits, _ and - make one"));
    }
    match command.trim() {
        "" => Err(format!("{name} has no command")),
        command => Ok((name, command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_commands_are_read() {
        let text =
            "\u{feff}# how it runs\r\nweb: gunicorn app:app --bind 0.0.0.0:$PORT\r\n\n  worker-2:python work.py\n";
        let file = Procfile::parse(text).unwrap();
        assert_eq!(file.types().collect::<Vec<_>>(), ["web", "worker-2"]);
        assert_eq!(file.command("web"), Some("gunicorn app:app --bind 0.0.0.0:$PORT"));
        assert_eq!((file.command("worker-2"), file.command("clock")), (Some("python work.py"), None));
        assert!(file.needs_web().is_ok());
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        for (text, named) in [
            ("web: x\nworker python", "line 2 of the Procfile: there is no colon in \"worker python\""),
            ("web:", "line 1 of the Procfile: web has no command"),
            ("my web: x", "\"my web\" is no process type"),
            (": x", "\"\" is no process type"),
            ("web: x\nweb: y", "line 2 of the Procfile: a second web"),
        ] {
            let failure = Procfile::parse(text).unwrap_err();
            assert_eq!(failure.kind(), Kind::Build);
            assert!(failure.to_string().contains(named), "{failure} does not say {named}");
        }
    }

    #[test]
    fn without_web_the_types_that_are_there_are_named() {
        let only = |text| Procfile::parse(text).unwrap().needs_web().unwrap_err().to_string();
        assert!(only("worker: a\nclock: b").contains("it has only worker, clock"));
        assert!(only("# nothing\n").contains("it is empty"));
    }
}
