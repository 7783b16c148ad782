//! What this machine can do, what it cannot, what that costs, and how to mend it.

mod reach;

use serde::Serialize;

use crate::catalog::{Arch, Catalog, Init};
use crate::engine::About;
use crate::{Engine, emulation, provision};

/// systemd machines stall at about a dozen below this.
const INOTIFY_INSTANCES: u64 = 512;
/// The command that mends that.
pub(crate) const MORE_INOTIFY: &str = "sysctl -w fs.inotify.max_user_instances=1024";
/// The same as a file and what to write into it.
pub(crate) const INOTIFY: &str = "/proc/sys/fs/inotify/max_user_instances";
pub(crate) const MANY_INOTIFY: &str = "1024";
/// Bases, VPS images and a few VPSes with images of their own.
const DISK: u64 = 10 << 30;

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// What it came to.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What it costs where it is not all there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All there.
    Ok,
    /// Enough to work, with a price.
    Limited,
    /// Not there.
    Missing,
}

impl Check {
    fn ok(name: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Ok, seen: seen.into(), cost: None, mend: None }
    }

    fn not(mut self, state: State, cost: &str, mend: &str) -> Self {
        self.state = state;
        self.cost = Some(cost.to_owned());
        self.mend = Some(mend.to_owned());
        self
    }
}

/// Looks at everything; an engine that cannot be reached is the first row.
pub async fn examine() -> Vec<Check> {
    let mut checks = match Engine::connect().await {
        Ok(engine) => engine_checks(&engine).await,
        Err(error) => {
            let seen = error.failure().seen().unwrap_or_default().to_owned();
            let mend = "systemctl start docker, or apt-get install docker.io, or name another engine with DOCKER_HOST";
            vec![Check::ok("engine", seen).not(State::Missing, "nothing runs without one", mend)]
        }
    };
    checks.extend([mmdebstrap(), git(), inotify(), netem()]);
    checks.extend(reach::reach().await);
    checks
}

async fn engine_checks(engine: &Engine) -> Vec<Check> {
    let about = match engine.about().await {
        Ok(about) => about,
        Err(error) => {
            return vec![Check::ok("engine", error.to_string()).not(
                State::Missing,
                "nothing runs",
                "journalctl -u docker",
            )];
        }
    };
    let version = format!("{} (API {}) at {}", about.version, about.api_version, engine.address());
    let size = format!("{} processors, {} MiB of memory, {}", about.cpus, about.memory_bytes >> 20, about.arch);
    vec![
        Check::ok("engine", version),
        Check::ok("size", size),
        cgroup(&about),
        Check::ok("kernel", about.kernel.clone()),
        storage(&about),
        capabilities(),
        loopback_registry(&about),
        disk(engine, &about),
        emulation(engine),
    ]
}

fn cgroup(about: &About) -> Check {
    let check = Check::ok("cgroup version", about.cgroup_version.clone());
    let catalog = Catalog::built_in();
    let without = catalog.systems().iter().filter(|it| it.works_on(Init::Systemd, about.cgroup()).is_err());
    let without: Vec<String> = without.map(ToString::to_string).collect();
    if without.is_empty() {
        return check;
    }
    let cost = format!("the systemd of these does not run here, they start with sshd: {}", without.join(", "));
    check.not(State::Limited, &cost, "a host that boots with the other version; nothing else is affected")
}

fn storage(about: &About) -> Check {
    let check = Check::ok("storage driver", about.storage_driver.clone());
    match about.storage_driver.as_str() {
        "overlay2" | "overlayfs" | "btrfs" | "zfs" => check,
        "vfs" => {
            check.not(State::Limited, "each container is a full copy: slow, and large", "use overlay2 in daemon.json")
        }
        _ => check.not(
            State::Limited,
            "building images is slower",
            "use overlay2 in daemon.json where the kernel allows it",
        ),
    }
}

/// What the engine may hand on to a VPS, seen from this process where both are on one machine.
fn capabilities() -> Check {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    let bounding = bounding.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    let check =
        Check::ok("capabilities", bounding.map_or_else(|| "unknown".to_owned(), |set| format!("bounding set {set:x}")));
    // the numbers of linux/capability.h
    let missing = |number: u32| bounding.is_some_and(|set| set & (1 << number) == 0);
    if missing(21) || missing(12) {
        let cost = "without SYS_ADMIN and NET_ADMIN no VPS can have systemd or an engine of its own";
        return check.not(State::Missing, cost, "run where these capabilities are not taken away");
    }
    check
}

fn loopback_registry(about: &About) -> Check {
    if about.loopback_registries {
        return Check::ok("registry on 127.0.0.1", "may be spoken to without TLS");
    }
    Check::ok("registry on 127.0.0.1", "the engine wants TLS").not(
        State::Missing,
        "the stock cannot be filled",
        "add 127.0.0.0/8 to insecure-registries in daemon.json",
    )
}

fn disk(engine: &Engine, about: &About) -> Check {
    if !engine.is_local() {
        return Check::ok("disk", "the engine is on another machine");
    }
    let Ok(stat) = nix::sys::statvfs::statvfs(about.data_root.as_str()) else {
        return Check::ok("disk", format!("{} cannot be looked at", about.data_root));
    };
    let free = stat.blocks_available() * stat.fragment_size();
    let check = Check::ok("disk", format!("{} GiB free in {}", free >> 30, about.data_root));
    if free >= DISK {
        return check;
    }
    check.not(State::Limited, "a matrix of several systems may fill it", "cargo xtask images prune; docker system df")
}

/// Which other architectures' programs the engine's machine runs.
fn emulation(engine: &Engine) -> Check {
    if !engine.is_local() {
        return Check::ok("emulation", "the engine is on another machine");
    }
    let foreign = Arch::ALL.into_iter().filter(|arch| *arch != engine.arch());
    let (there, not): (Vec<_>, Vec<_>) =
        foreign.map(|arch| (arch, emulation::registered(arch))).partition(|it| it.1.is_ok());
    let said = there.iter().map(|(arch, _)| format!("{arch} runs"));
    let said = said.chain(not.iter().filter_map(|(_, seen)| seen.clone().err()));
    let check = Check::ok("emulation", said.collect::<Vec<_>>().join("; "));
    if not.is_empty() {
        return check;
    }
    let cost = "no VPSes of those architectures; on Debian and Ubuntu the emulator is installed when it is needed";
    check.not(State::Limited, cost, "apt-get install qemu-user-static binfmt-support")
}

fn mmdebstrap() -> Check {
    match provision::find_program("mmdebstrap") {
        Some(path) => Check::ok("mmdebstrap", path.display().to_string()),
        None => Check::ok("mmdebstrap", "not installed").not(
            State::Limited,
            "no base from a package mirror; on Debian and Ubuntu it is installed when it is needed",
            "apt-get install mmdebstrap",
        ),
    }
}

fn git() -> Check {
    match provision::find_program("git") {
        Some(path) => Check::ok("git", path.display().to_string()),
        None => {
            Check::ok("git", "not installed").not(State::Missing, "no deploys", "apt-get install git openssh-client")
        }
    }
}

/// How many inotify instances this machine allows, where that is too few for many VPSes with systemd.
#[must_use]
pub(crate) fn scarce_inotify_instances() -> Option<u64> {
    inotify_instances().filter(|limit| *limit < INOTIFY_INSTANCES)
}

fn inotify_instances() -> Option<u64> {
    let limit = std::fs::read_to_string(INOTIFY).ok()?;
    limit.trim().parse().ok()
}

fn inotify() -> Check {
    let seen = inotify_instances().map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let check = Check::ok("inotify instances", seen);
    if scarce_inotify_instances().is_none() {
        return check;
    }
    check.not(State::Limited, "beyond about ten VPSes with systemd at once, units fail to start", MORE_INOTIFY)
}

fn netem() -> Check {
    let release = nix::sys::utsname::uname().map(|it| it.release().to_string_lossy().into_owned()).unwrap_or_default();
    let built_in = std::fs::read_to_string(format!("/lib/modules/{release}/modules.builtin")).unwrap_or_default();
    let module = std::path::Path::new("/lib/modules").join(&release).join("kernel/net/sched");
    let loadable = std::fs::read_dir(module).into_iter().flatten().flatten();
    let loadable = loadable.map(|file| file.file_name()).any(|name| name.to_string_lossy().starts_with("sch_netem"));
    if loadable || built_in.contains("sch_netem") {
        return Check::ok("netem queue", "there");
    }
    Check::ok("netem queue", "not in this kernel's modules").not(
        State::Limited,
        "a VPS's network can be cut, narrowed and made lossy, but not be given a latency",
        "a kernel with sch_netem",
    )
}
