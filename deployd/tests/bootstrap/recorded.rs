//! What `bootstrap.sh` does on each system of the catalog, from what such a machine is known to answer.
//!
//! A file of `systems/` holds the system's `/etc/os-release`, its package manager and what was seen of its answers. The
//! programs here only stand in for the package managers and service managers of systems that not every machine can have;
//! where a system can be had, the scenarios run the same script on it.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::{RUN, SCRIPT};

/// What the script may use of the machine that the test runs on. Everything else that it calls is a stand-in or missing.
const REAL: [&str; 20] = [
    "awk", "cat", "chmod", "cp", "cut", "date", "env", "grep", "head", "mkdir", "mktemp", "nohup", "rm", "sed",
    "sleep", "sort", "tail", "touch", "tr", "uname",
];

/// The parts of a machine that the script looks at or writes to; in the test they are in a folder.
const PLACES: [&str; 3] = ["/etc/", "/run/systemd/", "/var/log/"];

/// One system, as its file describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Where the texts were found.
    pub source: String,
    pub os_release: String,
    /// The programs that install packages.
    pub package_manager: Vec<String>,
    pub service_manager: ServiceManager,
    #[serde(default)]
    pub answers: Vec<Answer>,
}

/// What starts services.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ServiceManager {
    Systemd,
    Upstart,
    None,
}

/// What a program says when it is called in one way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The command line, or a shell's pattern of it.
    pub to: String,
    pub says: String,
    #[serde(default)]
    pub status: u8,
}

impl Recorded {
    pub fn read(slug: &str) -> Self {
        let file = systems().join(format!("{slug}.toml"));
        let text = fs::read_to_string(&file).unwrap();
        let recorded: Self = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(!recorded.source.is_empty(), "{} does not say where it was found", file.display());
        recorded
    }

    /// What the script calls, prints and writes on such a machine, told `channel`.
    pub fn bootstrap(&self, channel: Option<&str>) -> String {
        let told = channel.map_or("DEPLOYD_ENGINE is not set".to_owned(), |word| format!("DEPLOYD_ENGINE={word}"));
        format!("## {told}\n{}", Machine::new(self).run(channel))
    }

    /// The same on a machine that has one program more.
    pub fn bootstrap_with(&self, program: &str, script: &str) -> String {
        let machine = Machine::new(self);
        machine.put(&format!("bin/{program}"), script);
        machine.run(None)
    }
}

/// The names of all systems that are described.
pub fn slugs() -> Vec<String> {
    let files = fs::read_dir(systems()).unwrap().map(|file| file.unwrap().path());
    let described = files.filter(|path| path.extension() == Some(OsStr::new("toml")));
    let mut slugs: Vec<_> = described.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    slugs.sort();
    slugs
}

fn systems() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bootstrap/systems")
}

/// A folder that is a machine to the script.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new(recorded: &Recorded) -> Self {
        let machine = Self { root: tempfile::tempdir().unwrap() };
        for folder in ["bin", "later", "tmp", "etc/apt/sources.list.d", "etc/yum.repos.d", "var/log", "run"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        fs::write(machine.path("etc/os-release"), &recorded.os_release).unwrap();
        for name in REAL {
            symlink(real(name), machine.path("bin").join(name)).unwrap();
        }
        let mut services = vec![];
        match recorded.service_manager {
            ServiceManager::Systemd => {
                fs::create_dir_all(machine.path("run/systemd/system")).unwrap();
                services = vec!["systemctl"];
            }
            ServiceManager::Upstart => {
                fs::create_dir(machine.path("etc/init")).unwrap();
                services = vec!["service"];
            }
            ServiceManager::None => {}
        }
        let programs = recorded.package_manager.iter().map(String::as_str).chain(services).chain(["apt-key", "curl"]);
        for program in programs {
            machine.put(&format!("bin/{program}"), &stand_in(program, &recorded.answers));
        }
        for program in ["docker", "dockerd"] {
            machine.put(&format!("later/{program}"), &stand_in(program, &[]));
        }
        machine
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    fn put(&self, inside: &str, script: &str) {
        fs::write(self.path(inside), script).unwrap();
        fs::set_permissions(self.path(inside), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the first two steps: the engine, and its start.
    fn run(&self, channel: Option<&str>) -> String {
        let root = self.root.path().to_str().unwrap();
        let mut functions = SCRIPT.strip_suffix(RUN).unwrap().to_owned();
        for place in PLACES {
            functions = functions.replace(place, &format!("{root}{place}"));
        }
        let machine = format!(
            "PATH={root}/bin\nid() {{ echo 0; }}\ninstall() {{ step engine step_engine; step service step_service; }}\n"
        );
        let mut sh = Command::new(real("sh"));
        sh.args(["-c", &[&functions, &machine, RUN].concat(), "bootstrap.sh", "install"]);
        sh.env_clear().env("PATH", self.path("bin")).env("ROOT", root).env("TMPDIR", self.path("tmp"));
        let ran = sh.envs(channel.map(|word| ("DEPLOYD_ENGINE", word))).output().unwrap();
        let mut seen = fs::read_to_string(self.path("commands")).unwrap_or_default();
        seen += &String::from_utf8(ran.stdout).unwrap();
        let _ = writeln!(seen, "ended with {}", ran.status.code().unwrap());
        for file in ["etc/apt/sources.list.d/docker.list", "etc/yum.repos.d/docker-ce.repo"] {
            if let Ok(text) = fs::read_to_string(self.path(file)) {
                let _ = write!(seen, "/{file}:\n{text}");
            }
        }
        seen.replace(root, "")
    }
}

/// Where a program of this machine is.
fn real(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
    files.find(|file| file.is_file()).unwrap_or_else(|| panic!("there is no program {name} on this machine"))
}

/// A program that notes how it is called, says what was recorded, and else does what everyone's does.
fn stand_in(program: &str, answers: &[Answer]) -> String {
    let mut script = format!("#!/bin/sh\ncalled=\"{program} $*\"\n");
    if program != "docker" {
        script += "printf '$ %s\\n' \"$called\" >>\"$ROOT/commands\"\n";
    }
    script += "case $called in\n";
    for answer in answers.iter().filter(|answer| answer.to.split(' ').next() == Some(program)) {
        let pattern = answer.to.replace(' ', "\\ ");
        let _ =
            write!(script, "{pattern}) cat <<'SAYS'\n{}\nSAYS\nexit {} ;;\n", answer.says.trim_end(), answer.status);
    }
    script + COMMON
}

/// What the programs do on every system. The engine runs while its socket is there.
const COMMON: &str = r#"
*\ install\ *docker*)
    cp "$ROOT"/later/* "$ROOT/bin/"
    [ ! -d "$ROOT/etc/init" ] || : >"$ROOT/etc/init/docker.conf"
    ;;
"systemctl is-enabled docker") exit 1 ;;
"systemctl start docker" | "service docker start" | "dockerd "*) : >"$ROOT/run/docker.sock" ;;
"docker --version") echo 'Docker version of-the-package' ;;
"docker info") [ -e "$ROOT/run/docker.sock" ] ;;
"docker version "*) [ -e "$ROOT/run/docker.sock" ] && echo of-the-package ;;
"curl "*" -o "*) : >"${called##* -o }" ;;
esac
"#;
