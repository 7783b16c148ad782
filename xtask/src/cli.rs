//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use harness::catalog::Init;
use harness::image::BaseSource;
use harness::vps::PortMapping;

/// Mock servers for testing anything that deploys over SSH.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, disable_help_subcommand = true)]
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
    /// A root file system archive to make the base of
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
    /// The journal of a VPS, or its container's log where it has no systemd
    Logs(Logs),
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
    /// Remove everything of this tool whose owner is gone
    Sweep,
    /// How quick this is, as ratios to the plain tools, and what the daemon costs
    Bench(Bench),
    /// Unit tests, then the scenarios of every system that runs here; what CI runs
    Test,
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
    /// How much memory it has, such as 512m or 2g
    #[arg(long, value_parser = size)]
    pub memory: Option<u64>,
    /// How many processors it has, such as 1 or 0.5
    #[arg(long)]
    pub cpus: Option<f64>,
    /// Publish a port of it, HOST:VPS; on 127.0.0.1 unless ADDRESS:HOST:VPS says otherwise
    #[arg(long, value_name = "HOST:VPS")]
    pub publish: Vec<PortMapping>,
    /// Put the deploy tool onto it, too
    #[arg(long)]
    pub bootstrap: bool,
    /// Let it be removed after this time, such as 2h
    #[arg(long, value_parser = duration)]
    pub ttl: Option<Duration>,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
pub struct Ssh {
    /// Which VPS; may be left out where there is only one
    pub name: Option<String>,
    /// A command to run instead of a shell
    #[arg(last = true)]
    pub command: Vec<String>,
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
#[command(override_usage = "cargo xtask deploy [OPTIONS] [NAME] PROJECT")]
pub struct Deploy {
    /// [NAME] PROJECT: which VPS (may be left out where there is only one), and a folder with a project.toml
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

#[derive(Debug, Args)]
pub struct Matrix {
    /// Only these systems: OS or OS:VERSION
    #[arg(long, value_name = "OS[:VERSION]")]
    pub os: Vec<String>,
    /// Only the scenarios whose name holds this; with --mutants also the mutants
    #[arg(long, value_name = "FILTER")]
    pub scenario: Option<String>,
    /// Prove that the scenarios can fail: build each defect of scenarios/mutants.toml, and see its scenario notice it on the
    /// first of the systems [default: debian:12]
    #[arg(long, conflicts_with_all = ["list", "require"])]
    pub mutants: bool,
    /// How many scenarios run side by side [default: as processors and memory allow]
    #[arg(long)]
    pub jobs: Option<usize>,
    /// A system that must run: one that cannot is a failure
    #[arg(long, value_name = "OS:VERSION")]
    pub require: Vec<String>,
    /// Where reports and failure bundles go [default: in the state folder]
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Do not run: show the cells, and whether this machine can run them
    #[arg(long)]
    pub list: bool,
    /// How the list is shown
    #[arg(long, value_enum, default_value_t = ListFormat::Text, requires = "list")]
    pub format: ListFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// A table
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
    /// Remove all of them, and the package cache
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

/// A size with a unit, as container engines write it: powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return Err(format!("unknown unit {unit:?}; such as 512m or 2g")),
    };
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is not a size such as 512m or 2g"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text} is more than any machine has"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn sizes_are_written_as_engines_write_them() {
        assert_eq!(size("512m"), Ok(512 << 20));
        assert_eq!(size("2G"), Ok(2 << 30));
        for wrong in ["", "m", "1.5g", "3x", "99999999999g"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
