//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use harness::catalog::{Arch, Init};
use harness::image::BaseSource;
use harness::matrix::Partition;
use harness::vps::{PortMapping, Size, parse_bytes, snapshot_name};

use crate::side::Side;

/// Mock servers for testing anything that deploys over SSH.
#[derive(Debug, Parser)]
#[command(name = harness::command_line(), bin_name = harness::command_line(), version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Where base images may come from: auto, registry, mirror or local [default: auto]
    #[arg(long, global = true, value_name = "SOURCE", value_parser = base_source)]
    pub base_source: Option<BaseChoice>,
    /// A root file system archive to make the base of; no other source is asked then
    #[arg(long, global = true, value_name = "FILE")]
    pub rootfs: Option<PathBuf>,
    /// Do not install what is missing on this machine
    #[arg(long, global = true)]
    pub no_install: bool,
    /// The state folder [default: target/testenv]
    #[arg(long, global = true, value_name = "DIR", hide = true)]
    pub state_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What this machine can do, and how to mend what it cannot
    Doctor(Json),
    /// Start a mock VPS and tell how to log in
    Testenv(Testenv),
    /// The mock VPSes of this workspace
    List(Json),
    /// A shell on a VPS, or one command with its exit status
    Ssh(Ssh),
    /// Copy files and folders to a VPS or from one
    Copy(Copy),
    /// The journal of a VPS, or its container's log where it has no systemd
    Logs(Logs),
    /// Turn a VPS off; disk, host key, address and published ports stay
    Stop(OneVps),
    /// Turn a VPS on and wait for its first SSH command
    Start(OneVps),
    /// Reboot a VPS and wait for its first SSH command
    Reboot(OneVps),
    /// Freeze a VPS, for others to start from: its disk, and what its container engine keeps
    Snapshot(TakeSnapshot),
    /// The snapshots of this workspace
    Snapshots(Snapshots),
    /// A port of this machine that leads to a port of a VPS, until Ctrl-C
    Forward(Forward),
    /// Let something go wrong with a VPS: cut or slow its network, fill its disk, take its memory, stop its engine
    Fault(FaultWords),
    /// Put the deploy tool onto a VPS; prints deploy key, webhook and token
    Bootstrap(Bootstrap),
    /// Deploy a project and wait for its health answer
    Deploy(Deploy),
    /// What the deploy tool says is deployed, and whether it answers
    Status(Status),
    /// Remove VPSes with everything that belongs to them
    Down(Down),
    /// Every scenario on every system that this machine can run
    Matrix(Matrix),
    /// The cached images
    Images(Images),
    /// Remove everything of this tool whose owner is gone or whose time is up
    Sweep,
    /// How quick this is, as ratios to the plain tools, and what the daemon costs
    Bench(Bench),
    /// Unit tests, then the scenarios of every system that runs here; what CI runs
    Test,
    /// Write the page of each scenario anew, from its source, its mutants and its measured duration
    Pages,
    /// What a shell needs to complete the words of the installed program, testvps
    Completions {
        /// The shell that shall read it
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Json {
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Testenv {
    /// ubuntu, centos, debian
    pub os: String,
    /// 16.04, stream9, 12, a code name, or latest
    pub version: String,
    /// Its name and host name [default: the system's]
    #[arg(long)]
    pub name: Option<String>,
    /// What runs as PID 1: systemd or sshd [default: the catalog's]
    #[arg(long)]
    pub init: Option<Init>,
    /// What its programs run on: amd64, arm64 or armhf; another one than this machine's is emulated [default: this machine's]
    #[arg(long)]
    pub arch: Option<Arch>,
    /// How large it is: nano, micro, small, medium or large; the next three change parts of it [default: as the host]
    #[arg(long)]
    pub size: Option<Size>,
    /// How much memory it has, such as 512m or 2g
    #[arg(long, value_parser = parse_bytes)]
    pub memory: Option<u64>,
    /// How many processors it has, such as 1 or 0.5
    #[arg(long)]
    pub cpus: Option<f64>,
    /// How much disk it has for its system, what is written and its container engine, such as 2g
    #[arg(long, value_parser = parse_bytes)]
    pub disk: Option<u64>,
    /// Publish a port of it, HOST:VPS; on 127.0.0.1 unless ADDRESS:HOST:VPS says otherwise
    #[arg(long, value_name = "HOST:VPS")]
    pub publish: Vec<PortMapping>,
    /// Start it from this snapshot; `bootstrapped` is built in: what the deploy tool needs is installed
    #[arg(long, value_name = "SNAPSHOT")]
    pub from: Option<String>,
    /// Put the deploy tool onto it, too
    #[arg(long)]
    pub bootstrap: bool,
    /// How long it lives, such as 2h: the next command here after that removes it, and so does `sweep`
    #[arg(long, value_parser = duration)]
    pub ttl: Option<Duration>,
    #[command(flatten)]
    pub json: Json,
}

/// Ends with the status of what ran there; with 255 if a signal ended it.
#[derive(Debug, Args)]
pub struct Ssh {
    /// Which VPS; may be left out where there is only one
    pub name: Option<String>,
    /// A command to run instead of a shell
    #[arg(last = true)]
    pub command: Vec<String>,
}

/// Copies modes and links as they are. DST is the new name, or the folder to put it into when it ends in /, or is . or ..
#[derive(Debug, Args)]
pub struct Copy {
    /// A file or folder: here, or `NAME:/path` on a VPS (~ and relative paths begin at its user's home)
    pub src: Side,
    /// Where it goes: one of the two is on a VPS, the other here
    pub dst: Side,
}

#[derive(Debug, Args)]
pub struct OneVps {
    /// Which VPS; may be left out where there is only one
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct TakeSnapshot {
    /// Which VPS
    pub name: String,
    /// What to call its snapshot
    #[arg(value_parser = snapshot_name)]
    pub snapshot: String,
}

#[derive(Debug, Args)]
pub struct Snapshots {
    /// Remove one
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "json")]
    pub remove: Option<String>,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
#[command(override_usage = format!("{} forward [OPTIONS] [NAME] PORT", harness::command_line()))]
pub struct Forward {
    /// [NAME] PORT: which VPS (may be left out where there is only one), and a port of it, published or not
    #[arg(value_name = "WORDS", num_args = 1..=2, required = true)]
    pub words: Vec<String>,
    /// The port of 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub local: Option<u16>,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// Which VPS; may be left out where there is only one
    pub name: Option<String>,
    /// Go on as more is written
    #[arg(long, short)]
    pub follow: bool,
}

#[derive(Debug, Args)]
pub struct FaultWords {
    /// Which VPS
    pub name: String,
    /// cut, bandwidth RATE, latency TIME, loss PERCENT, disk-full, memory-short [LEFT], engine-stopped, engine-killed;
    /// or clear, which takes all away. Without a kind: tells which are there
    pub kind: Option<String>,
    /// How much: 1mbit, 100ms, 20%, 32m
    pub value: Option<String>,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
pub struct Bootstrap {
    /// Which VPS; may be left out where there is only one
    pub name: Option<String>,
    /// The deploy tool
    #[arg(long, value_enum, default_value_t = DeployerName::Deployd)]
    pub deployer: DeployerName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum DeployerName {
    /// The deploy daemon of this repository
    Deployd,
}

#[derive(Debug, Args)]
#[command(override_usage = format!("{} deploy [OPTIONS] [NAME] PROJECT", harness::command_line()))]
pub struct Deploy {
    /// [NAME] PROJECT: which VPS (may be left out where there is only one), and a folder with a project.toml, or
    /// the name of one in projects/
    #[arg(value_name = "WORDS", num_args = 1..=2, required = true)]
    pub words: Vec<String>,
    /// The branch to push and deploy
    #[arg(long, default_value = harness::project::MAIN_BRANCH)]
    pub branch: String,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Which VPS; may be left out where there is only one
    pub name: Option<String>,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Down {
    /// Which VPSes
    pub names: Vec<String>,
    /// All of this workspace
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
}

#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own on the command line")]
pub struct Matrix {
    /// Only these systems: OS or OS:VERSION
    #[arg(long, value_name = "OS[:VERSION]")]
    pub os: Vec<String>,
    /// On these architectures: amd64, arm64, armhf; another than the machine's own is emulated [default: its own]
    #[arg(long, value_name = "ARCH")]
    pub arch: Vec<Arch>,
    /// Only the scenarios whose name holds this, or one of several; with --mutants also the mutants
    #[arg(long, value_name = "FILTER")]
    pub scenario: Vec<String>,
    /// Prove that the scenarios can fail: build each defect of scenarios/mutants.toml, and see its scenario notice it on the
    /// first of the systems [default: debian:12]
    #[arg(long, conflicts_with_all = [
        "arch", "fail_fast", "keep_failed", "list", "partition", "record_durations", "require"
    ])]
    pub mutants: bool,
    /// A file of commands that describes another deploy tool than deployd, such as scenarios/deployers/compose/deployer.toml:
    /// the same scenarios run against it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mutants", "record_durations"])]
    pub deployer: Option<PathBuf>,
    /// How many scenarios run side by side [default: as processors and memory allow]
    #[arg(long)]
    pub jobs: Option<usize>,
    /// End at the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// Leave the VPS of a scenario that fails standing, to look into it with `ssh`
    #[arg(long)]
    pub keep_failed: bool,
    /// Only one of several parts of about one length, for as many machines: 2/5 is the second of five
    #[arg(long, value_name = "PART/PARTS")]
    pub partition: Option<Partition>,
    /// A system that must run: one that cannot is a failure
    #[arg(long, value_name = "OS:VERSION")]
    pub require: Vec<String>,
    /// Where reports and failure bundles go [default: in the state folder]
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Write how long the scenarios took into scenarios/durations.toml, which orders and partitions them
    #[arg(long)]
    pub record_durations: bool,
    /// Do not run: show the cells, and whether this machine can run them
    #[arg(long, conflicts_with_all = ["fail_fast", "keep_failed", "partition", "record_durations"])]
    pub list: bool,
    /// How the list is shown
    #[arg(long, value_enum, default_value_t = ListFormat::Text, requires = "list")]
    pub format: ListFormat,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// A table
    #[default]
    Text,
    /// An array of cells
    Json,
    /// What GitHub's strategy.matrix takes
    Github,
}

#[derive(Debug, Args)]
pub struct Bench {
    /// Only the rows whose name holds this
    #[arg(long, value_name = "FILTER")]
    pub only: Option<String>,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
pub struct Images {
    #[command(subcommand)]
    pub action: Option<ImagesAction>,
}

#[derive(Debug, Subcommand)]
pub enum ImagesAction {
    /// What is cached, how large, how old
    List(Json),
    /// Make the images of one system
    Build {
        /// ubuntu, centos, debian
        os: String,
        /// 16.04, stream9, 12, a code name, or latest
        version: String,
    },
    /// Write bases and systems into a file, for another machine or another day
    Save {
        /// The file, as `docker load` takes it
        file: PathBuf,
    },
    /// Take what `save` wrote
    Load {
        /// The file
        file: PathBuf,
    },
    /// Remove what is made again when it is needed: all images, the built-in snapshots among them, and the package cache
    /// unless something runs that uses it. Snapshots that people named stay: `snapshots --remove`
    Prune,
}

/// Which sources of bases may be asked.
#[derive(Debug, Clone, Copy)]
pub enum BaseChoice {
    /// All, in order.
    Auto,
    /// This one.
    Only(BaseSource),
}

fn base_source(word: &str) -> Result<BaseChoice, String> {
    if word == "auto" { Ok(BaseChoice::Auto) } else { word.parse().map(BaseChoice::Only) }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; such as 90s, 30m or 2h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
