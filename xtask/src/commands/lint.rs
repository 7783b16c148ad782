//! shellcheck over every shell script of the repository: a step of `test`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, ensure};
use harness::lease::Lease;
use harness::provision;
use tokio::process::Command;

use super::common::say;
use crate::build::root;
use crate::cli::Global;
use crate::exit::Status;

/// Checks every script that git knows. shellcheck is installed where it is missing, like the other tools of the host.
pub async fn shell(global: &Global, lease: &Lease) -> anyhow::Result<()> {
    provision::program("shellcheck", "shellcheck", !global.no_install, &say).await?;
    let scripts = scripts(lease).await?;
    ensure!(!scripts.is_empty(), "git names no shell script in {}", root().display());
    say(&format!("shellcheck of {} scripts", scripts.len()));
    let mut command = Command::new("shellcheck");
    command.current_dir(root()).args(["--external-sources", "--source-path=SCRIPTDIR", "--"]).args(scripts);
    let output = lease.run_guarded(&mut command).await.context("run shellcheck")?;
    if output.status.success() { Ok(()) } else { Err(Status(1).into()) }
}

async fn scripts(lease: &Lease) -> anyhow::Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z"]).stdout(std::process::Stdio::piped());
    let output = lease.run_guarded(&mut git).await.context("run git to list the scripts")?;
    ensure!(output.status.success(), "git ls-files in {}: {}", root().display(), output.status);
    let files = String::from_utf8(output.stdout)?;
    Ok(files.split_terminator('\0').filter(|file| is_script(&root().join(file))).map(str::to_owned).collect())
}

/// By its first line; a file without one, which others read, by its name.
fn is_script(file: &Path) -> bool {
    let mut start = [0; 64];
    let read = File::open(file).and_then(|mut file| file.read(&mut start)).unwrap_or_default();
    let first = start[..read].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    let shell = first.strip_prefix("#!").and_then(|line| line.trim_end().rsplit(['/', ' ']).next());
    matches!(shell, Some("sh" | "bash")) || file.extension().is_some_and(|extension| extension == "sh")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_known_by_its_first_line_or_its_name() {
        let is_script = |file: &str| is_script(&root().join(file));
        assert!(is_script("deployd/bootstrap.sh") && is_script("vps-images/rpm-setup") && is_script(".ci/run"));
        assert!(is_script("deployd/tests/bootstrap/machine.sh"));
        assert!(!is_script("Cargo.toml") && !is_script("README.md") && !is_script("vps-images/rpm.Dockerfile"));
    }
}
