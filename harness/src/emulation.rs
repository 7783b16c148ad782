//! VPSes of another architecture than the engine's: their programs run through qemu's user-mode emulation, which the
//! kernel starts by itself (`binfmt_misc`).

use std::path::Path;

use crate::catalog::Arch;
use crate::error::{Error, Failure, Result};
use crate::image::{ARCH_VARIABLE, Progress};
use crate::{Engine, provision};

/// What may be waited for on an emulated machine takes so many times as long as on a native one.
///
/// Emulation itself costs a factor of five to ten; deadlines are chosen so that a slow machine passes, and only a machine
/// that stands still does not.
const SLOWER: u32 = 6;
/// Where the kernel lists the formats that it starts an interpreter for.
const FORMATS: &str = "/proc/sys/fs/binfmt_misc";
/// The packages that bring the emulator and register it, on Debian and Ubuntu.
const PACKAGES: [&str; 2] = ["qemu-user-static", "binfmt-support"];

/// By how much deadlines grow for a machine of this architecture.
#[must_use]
pub fn patience(engine: &Engine, arch: Arch) -> u32 {
    if arch == engine.arch() { 1 } else { SLOWER }
}

/// The same for waits that know no machine: the environment says what all machines of this process are.
pub(crate) fn patience_of_process() -> u32 {
    let word = std::env::var(ARCH_VARIABLE).unwrap_or_default();
    match word.parse::<Arch>() {
        Ok(arch) if is_foreign(arch) => SLOWER,
        _ => 1,
    }
}

/// Whether this machine, which may be another than the engine's, is of another architecture.
pub(crate) fn is_foreign(arch: Arch) -> bool {
    emulator(arch).1 != std::env::consts::ARCH
}

/// Makes sure that the engine's machine runs programs of this architecture.
pub(crate) async fn ensure(engine: &Engine, arch: Arch, may_install: bool, progress: Progress<'_>) -> Result<()> {
    if arch == engine.arch() || !engine.is_local() || registered(arch).is_ok() {
        return Ok(());
    }
    provision::packages(&PACKAGES, &|| is_installed(arch), may_install, progress).await?;
    let (name, _) = emulator(arch);
    progress(&format!("let the kernel run programs of {arch} through {name}"));
    if !Path::new(FORMATS).join("status").exists() {
        provision::run(&["mount", "-t", "binfmt_misc", "binfmt_misc", FORMATS])
            .await
            .map_err(|seen| failed(arch, seen))?;
    }
    if registered(arch).is_err() {
        provision::run(&["update-binfmts", "--enable", name]).await.map_err(|seen| failed(arch, seen))?;
    }
    registered(arch).map_err(|seen| failed(arch, seen))
}

/// Whether the engine's machine runs programs of this architecture, or can be made to.
pub(crate) async fn reach(engine: &Engine, arch: Arch, may_install: bool) -> Result<(), String> {
    // what another machine has registered shows when its first program runs
    if arch == engine.arch() || !engine.is_local() {
        return Ok(());
    }
    let Err(why) = registered(arch) else { return Ok(()) };
    let root = nix::unistd::geteuid().is_root();
    if root && (is_installed(arch) || may_install && provision::is_installable(PACKAGES[0]).await) {
        return Ok(());
    }
    Err(format!("programs of {arch} do not run here: {why}; as root: apt-get install {}", PACKAGES.join(" ")))
}

/// Whether the kernel starts an interpreter for this architecture that every container has: one that was opened when it
/// was registered (the flag `F`), as none has it in its own files.
pub(crate) fn registered(arch: Arch) -> Result<(), String> {
    let (name, _) = emulator(arch);
    let file = format!("{FORMATS}/{name}");
    let format = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    check_format(&format).map_err(|why| format!("{file}: {why}"))
}

fn check_format(format: &str) -> Result<(), String> {
    let flags = format.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
    match format.lines().next() {
        Some("enabled") if flags.contains('F') => Ok(()),
        Some("enabled") => Err("registered without the flag F, so that no container finds the emulator".to_owned()),
        state => Err(format!("{}, not enabled", state.unwrap_or("empty"))),
    }
}

/// qemu's name for the format of an architecture's programs, and Rust's word for the architecture.
fn emulator(arch: Arch) -> (&'static str, &'static str) {
    match arch {
        Arch::Amd64 => ("qemu-x86_64", "x86_64"),
        Arch::Arm64 => ("qemu-aarch64", "aarch64"),
        Arch::Armhf => ("qemu-arm", "arm"),
    }
}

fn is_installed(arch: Arch) -> bool {
    // named so by Debian up to 12; later the static programs have the plain name
    let (name, _) = emulator(arch);
    let there = |name: &str| provision::find_program(name).is_some();
    (there(&format!("{name}-static")) || there(name)) && there("update-binfmts")
}

fn failed(arch: Arch, seen: String) -> Error {
    let hint = "by hand, as root: mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; update-binfmts --enable";
    Error::Machine(Failure::new(format!("programs of {arch}"), "let the kernel run them").saw(seen).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_architecture_is_that_of_this_machine() {
        assert_eq!(Arch::ALL.into_iter().filter(|arch| !is_foreign(*arch)).count(), 1);
    }

    #[test]
    fn an_emulator_counts_when_every_container_has_it() {
        let format =
            |first: &str, flags: &str| format!("{first}\ninterpreter /usr/bin/qemu\nflags: {flags}\noffset 0\n");
        assert_eq!(check_format(&format("enabled", "PF")), Ok(()));
        assert!(check_format(&format("enabled", "P")).unwrap_err().contains("without the flag F"));
        assert!(check_format(&format("disabled", "PF")).unwrap_err().contains("disabled, not enabled"));
        assert!(check_format("").unwrap_err().contains("empty, not enabled"));
    }
}
