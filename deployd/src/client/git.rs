//! What git and OpenSSH know about the project folder: its origin, its branch, the keys of its git host.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Failure, Kind, Result};

/// What a command prints, if it succeeds.
fn printed(program: &str, arguments: &[&str], dir: &Path) -> Option<String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(dir).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// The address that `git push` goes to.
pub(super) fn origin(dir: &Path) -> Result<String> {
    printed("git", &["remote", "get-url", "origin"], dir).ok_or_else(|| {
        let failure = Failure::new(Kind::Invalid, "find the project's repository");
        let hint = "git remote add origin ADDRESS, or client.repository in project.toml";
        failure.saw("git knows no remote called origin").hint(hint)
    })
}

/// The branch that is checked out.
pub(super) fn branch(dir: &Path) -> Result<String> {
    printed("git", &["symbolic-ref", "--quiet", "--short", "HEAD"], dir).ok_or_else(|| {
        let failure = Failure::new(Kind::Invalid, "find the project's branch");
        failure.saw("git has none checked out").hint("--branch NAME, or client.branch in project.toml")
    })
}

/// The lines about a git host in the caller's own `known_hosts`, in clear: the daemon looks hosts up by name.
pub(super) fn known_hosts(host: &str) -> Vec<String> {
    let found = printed("ssh-keygen", &["-F", host], Path::new("/")).unwrap_or_default();
    found.lines().filter_map(|line| named(host, line)).collect()
}

/// The line with the host in clear; a comment and a marked key (`@revoked`) are none to trust.
fn named(host: &str, line: &str) -> Option<String> {
    let (_, key) = line.split_once(' ').filter(|(first, _)| !first.starts_with(['#', '@']))?;
    Some(format!("{host} {key}"))
}

/// The host of a repository that is reached over SSH, as `known_hosts` names it.
pub(super) fn ssh_host(repository: &str) -> Option<String> {
    let authority = match repository.split_once("://") {
        Some(("ssh" | "git+ssh", rest)) => rest.split('/').next()?,
        Some(_) => return None,
        // git reads a colon before the first slash as `host:path`; that form has no port
        None => {
            let (authority, _) = repository.split_once(':').filter(|(authority, _)| !authority.contains('/'))?;
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            return Some(host.to_owned()).filter(|host| !host.is_empty() && !host.starts_with('-'));
        }
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, "22")) => host.to_owned(),
        Some((host, port)) if port.parse::<u16>().is_ok() => format!("[{host}]:{port}"),
        _ => host.to_owned(),
    };
    Some(host).filter(|host| !host.is_empty() && !host.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found_as_known_hosts_names_it() {
        for (repository, host) in [
            ("git@github.com:team/app.git", Some("github.com")),
            ("ssh://git@host.example/team/app", Some("host.example")),
            ("ssh://git@host.example:22/team/app", Some("host.example")),
            ("ssh://git@host.example:2222/team/app", Some("[host.example]:2222")),
            ("https://host.example/team/app.git", None),
            ("/srv/app.git", None),
            ("-oProxyCommand=x:y", None),
        ] {
            assert_eq!(ssh_host(repository).as_deref(), host, "{repository}");
        }
    }

    #[test]
    fn hashed_names_become_clear_and_revoked_keys_are_left_out() {
        let line = "|1|c2FsdA==|aGFzaA== ssh-ed25519 AAAA";
        assert_eq!(named("host", line).as_deref(), Some("host ssh-ed25519 AAAA"));
        assert!(named("host", "# Host host found: line 3").is_none());
        assert!(named("host", "@revoked host ssh-ed25519 AAAA").is_none());
    }
}
