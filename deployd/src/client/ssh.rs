//! The system's own `ssh`, so that its configuration, agents and jump hosts work as they are.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::settings::Remote;
use crate::error::{Failure, Kind, Result};
use crate::text;

/// How many of the last lines on standard error a failure shows.
const LAST: usize = 15;
/// What ssh itself ends with when it never got to the command.
const NO_CONNECTION: i32 = 255;

/// The command line that reaches a server. What runs there is one of this program's own constants, so that no shell ever
/// reads a word that somebody wrote: words go through standard input.
fn command(remote: &Remote, dir: &Path, script: &'static str) -> Command {
    let mut command = Command::new("ssh");
    // nobody can answer a question: standard input is the script
    command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15"]);
    let mut option = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            command.args([flag, &value]);
        }
    };
    option("-F", remote.ssh_config.as_deref().map(at_home));
    option("-i", remote.ssh_identity.as_deref().map(at_home));
    option("-l", remote.ssh_user.clone());
    option("-p", remote.ssh_port.map(|port| port.to_string()));
    command.arg("--").arg(remote.ssh_host.as_ref().unwrap_or(&remote.address)).arg(script);
    // paths in the settings begin at the settings
    command.current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A path as a shell would read it.
fn at_home(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).display().to_string(),
        _ => path.to_owned(),
    }
}

/// How a command on a server ended: its exit status, and the last lines that it printed on standard error.
pub(super) struct Ended {
    pub(super) success: bool,
    pub(super) last: Vec<String>,
}

/// Runs a script of this program on a server, with `input` on its standard input; each line that it prints goes to
/// `on_line`.
pub(super) async fn run(
    remote: &Remote,
    dir: &Path,
    script: &'static str,
    input: impl AsyncRead + Send + Unpin + 'static,
    on_line: impl FnMut(&str),
) -> Result<Ended> {
    let host = remote.ssh_host.as_ref().unwrap_or(&remote.address);
    let failed = |saw: String| Failure::new(Kind::Internal, format!("ssh {host}")).saw(saw);
    let mut child = command(remote, dir, script).spawn().map_err(|error| {
        failed(error.to_string()).hint("the OpenSSH client is needed: apt-get install openssh-client")
    })?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(failed("it has no standard streams".into()));
    };
    let feeding = tokio::spawn(feed(input, stdin));
    let (last, read) = tokio::join!(lines_at_end(stderr), each_line(stdout, on_line));
    read.map_err(|error| failed(error.to_string()))?;
    feeding.abort();
    let status = child.wait().await.map_err(|error| failed(error.to_string()))?;
    if status.code() == Some(NO_CONNECTION) {
        let hint = "try it by hand first, which also shows the server's host key: ssh, with the same name";
        return Err(failed(last.join("\n")).hint(hint));
    }
    Ok(Ended { success: status.success(), last })
}

async fn feed(mut input: impl AsyncRead + Unpin, mut stdin: impl AsyncWrite + Unpin) {
    // a command that ends early does not read all of it; its exit status tells
    if tokio::io::copy(&mut input, &mut stdin).await.is_ok() {
        let _ = stdin.shutdown().await;
    }
}

async fn each_line(from: impl AsyncRead + Unpin, mut on_line: impl FnMut(&str)) -> std::io::Result<()> {
    let mut lines = BufReader::new(from).split(b'\n');
    while let Some(line) = lines.next_segment().await? {
        on_line(String::from_utf8_lossy(&line).trim_end());
    }
    Ok(())
}

async fn lines_at_end(from: impl AsyncRead + Unpin) -> Vec<String> {
    let mut last = Vec::new();
    // what cannot be read any more is not worth a failure of its own
    let _ = each_line(from, |line| {
        last.push(line.to_owned());
        if last.len() > 2 * LAST {
            last = text::last(&last, LAST);
        }
    })
    .await;
    text::last(&last, LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_become_options_and_the_host_none() {
        let remote: Remote = toml::from_str(
            "name = 'a'\naddress = 'vps.example'\nssh_user = 'ann'\nssh_port = 2222\nssh_identity = 'key'\nssh_config = 'c'",
        )
        .unwrap();
        let command = command(&remote, Path::new("/"), "true");
        let words: Vec<_> = command.as_std().get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let end = ["-F", "c", "-i", "key", "-l", "ann", "-p", "2222", "--", "vps.example", "true"];
        assert!(words.ends_with(&end.map(str::to_owned)), "{words:?}");
        assert!(words.contains(&"BatchMode=yes".to_owned()));
    }
}
