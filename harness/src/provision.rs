//! What this machine needs to do the work: tools and the engine, installed from its distribution where that is possible.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::Engine;
use crate::doctor::{INOTIFY, MANY_INOTIFY, MORE_INOTIFY, scarce_inotify_instances};
use crate::error::{Error, Failure, Result};
use crate::image::Progress;
use crate::wait::{Seen, wait_until};

/// Makes sure that a program of a distribution package can be run.
pub async fn program(name: &str, package: &str, may_install: bool, progress: Progress<'_>) -> Result<()> {
    if find_program(name).is_some() {
        return Ok(());
    }
    install(&[package], may_install, progress).await
}

/// Whether [`program`] has it or may install it; the text says what is missing, and the command that mends it.
pub(crate) fn reach(name: &str, package: &str, may_install: bool) -> Result<(), String> {
    if find_program(name).is_some() { Ok(()) } else { may_be_installed(package, may_install) }
}

/// Whether a package of this machine's distribution may be installed; the text says why not, and the command that does.
pub(crate) fn may_be_installed(package: &str, may_install: bool) -> Result<(), String> {
    let why = refusal(may_install);
    why.map_or(Ok(()), |why| Err(format!("{package}: {why}; as root: apt-get install --yes {package}")))
}

/// Makes sure that what several distribution packages bring together is there.
pub(crate) async fn packages(
    packages: &[&str],
    are_there: &(dyn Fn() -> bool + Sync),
    may_install: bool,
    progress: Progress<'_>,
) -> Result<()> {
    if are_there() { Ok(()) } else { install(packages, may_install, progress).await }
}

/// Makes sure that a file of a distribution package is there.
pub(crate) async fn file(path: &str, package: &str, may_install: bool, progress: Progress<'_>) -> Result<()> {
    if Path::new(path).exists() {
        return Ok(());
    }
    install(&[package], may_install, progress).await
}

/// Lets this machine's programs watch as many files as many VPSes with systemd need, where that is allowed. Elsewhere fewer
/// of them run at once, and the error of one that does not start says why.
pub(crate) fn inotify(engine: &Engine, may_install: bool, progress: Progress<'_>) {
    let Some(limit) = scarce_inotify_instances() else { return };
    if !may_install || !engine.is_local() || !nix::unistd::geteuid().is_root() {
        return;
    }
    progress(&format!("until this machine reboots: {MORE_INOTIFY} (was {limit}); a VPS with systemd takes about ten"));
    if let Err(error) = std::fs::write(INOTIFY, MANY_INOTIFY) {
        tracing::warn!("{INOTIFY}: {error}");
    }
}

/// Reaches the container engine, after installing and starting it where that is allowed and possible.
pub async fn engine(may_install: bool, progress: Progress<'_>) -> Result<Engine> {
    let missing = match Engine::connect().await {
        Ok(engine) => return Ok(engine),
        Err(error) => error,
    };
    // somebody else's engine, or one that only an administrator may start, is not ours to install
    if !may_install || std::env::var_os("DOCKER_HOST").is_some() || !nix::unistd::geteuid().is_root() {
        return Err(missing);
    }
    if find_program("dockerd").is_none() {
        install(&["docker.io"], may_install, progress).await?;
    }
    progress("start the container engine");
    for start in [&["systemctl", "start", "docker"][..], &["service", "docker", "start"]] {
        if run(start).await.is_ok() {
            break;
        }
    }
    wait_until(Duration::from_secs(30), "the container engine", || async {
        Engine::connect().await.map_or_else(|error| Seen::NotYet(error.to_string()), Seen::Ready)
    })
    .await
    .map_err(|timed_out| {
        let failure = Failure::new("container engine", "start it").after(timed_out.elapsed).saw(timed_out.last);
        Error::Machine(failure.hint("start it by hand (systemctl start docker) and look at journalctl -u docker"))
    })
}

/// Whether this machine's distribution has a package.
pub(crate) async fn is_installable(package: &str) -> bool {
    // one line per version that can be had, none for a name that only other packages mention
    let versions = Command::new("apt-cache").args(["madison", package]).stdin(Stdio::null()).output().await;
    versions.is_ok_and(|output| !output.stdout.trim_ascii().is_empty())
}

/// Why nothing is installed here; none where it may be.
fn refusal(may_install: bool) -> Option<&'static str> {
    if !may_install {
        return Some("not installed, and --no-install was given");
    }
    let can = find_program("apt-get").is_some() && nix::unistd::geteuid().is_root();
    (!can).then_some("not installed; only root on Debian or Ubuntu can have it installed")
}

/// Installs packages of this machine's distribution, after saying so.
async fn install(packages: &[&str], may_install: bool, progress: Progress<'_>) -> Result<()> {
    let line = format!("apt-get install --yes {}", packages.join(" "));
    let failure =
        || Failure::new(packages.join(", "), "find it on this machine").hint(format!("install the package: {line}"));
    if let Some(why) = refusal(may_install) {
        return Err(Error::Machine(failure().saw(why)));
    }
    progress(&format!("{} is missing: {line}", packages.join(", ")));
    let with_options = ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"];
    let command: Vec<&str> = with_options.into_iter().chain(packages.iter().copied()).collect();
    if run(&command).await.is_ok() {
        return Ok(());
    }
    // the lists of a fresh machine are old or not there
    run(&["apt-get", "update"]).await.map_err(|seen| Error::Machine(failure().saw(seen)))?;
    run(&command).await.map_err(|seen| Error::Machine(failure().saw(seen)))
}

/// Runs a command of the host; the text of a failure is its last lines.
pub(crate) async fn run(command: &[&str]) -> Result<(), String> {
    let [program, arguments @ ..] = command else { return Err("no command".to_owned()) };
    run_command(Command::new(program).args(arguments)).await
}

/// The same for a command that has more than words.
pub(crate) async fn run_command(command: &mut Command) -> Result<(), String> {
    let std = command.as_std();
    let words = [std.get_program()].into_iter().chain(std.get_args()).map(|word| word.to_string_lossy());
    let words = words.collect::<Vec<_>>().join(" ");
    let child = command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = child.await.map_err(|error| format!("{words}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{words}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}

/// Where a program is, looked for as a shell does.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_may_not_be_installed_is_named_with_the_command_that_does() {
        assert_eq!(reach("sh", "dash", false), Ok(()));
        let why = reach("no-such-program", "its-package", false).unwrap_err();
        assert!(why.contains("--no-install") && why.contains("apt-get install --yes its-package"), "{why}");
    }
}
