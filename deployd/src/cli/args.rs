//! The words of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::words::ClientCommand;
use crate::settings::{BUILDER_IMAGE, VERSION};

/// The port of the interface.
pub(super) const PORT: u16 = 4303;

/// What somebody who sees the program for the first time needs to know.
const FIRST: &str = "\
The first deploy, in the project's folder:
  deployd init                             then commit project.toml
  deployd remote add production ADDRESS    a server that ssh reaches
  deployd remote init --image IMAGE        installs the daemon there, and says what to tell the git host
  deployd up

serve, token, info, ready and edge are for the server itself: docker exec deployd deployd info";

/// Deploys what a git repository holds: the daemon on a server, and its client in a project folder.
#[derive(Debug, Parser)]
#[command(name = "deployd", version = VERSION, after_help = FIRST)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    #[command(flatten)]
    Client(ClientCommand),
    /// Run the daemon.
    Serve(Serve),
    /// Print a new admin token of the daemon that runs on this machine; `remote token` asks one elsewhere.
    Token(Data),
    /// Print version, webhook secret, certificate fingerprint and deploy key of the daemon on this machine, as NAME=VALUE.
    Info(Data),
    /// Ask the daemon on this machine over HTTPS whether it answers.
    Ready(Ready),
    /// Run the proxy that owns the public ports; the daemon starts it in a container of its own.
    Edge {
        /// The directory that it shares with the daemon.
        #[arg(long)]
        dir: PathBuf,
    },
}

/// Where the daemon's files lie.
#[derive(Debug, Clone, Args)]
pub(super) struct Data {
    /// The directory that holds everything the daemon keeps; the same path inside and outside of its container.
    #[arg(long, env = "DEPLOYD_DATA_DIR", default_value = "/var/lib/deployd")]
    pub(super) data_dir: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Ready {
    #[command(flatten)]
    pub(super) data: Data,
    /// The address to ask at.
    #[arg(long, default_value_t = SocketAddr::from(([127, 0, 0, 1], PORT)))]
    pub(super) address: SocketAddr,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) data: Data,
    /// The address to listen on; without it port 4303 of every address of the machine.
    #[arg(long, env = "DEPLOYD_LISTEN")]
    pub(super) listen: Option<SocketAddr>,
    /// A name or an address that clients reach this machine by; the certificate made at the first start holds these.
    #[arg(long = "host", env = "DEPLOYD_HOSTS", value_delimiter = ' ')]
    pub(super) hosts: Vec<String>,
    /// The container engine's socket.
    #[arg(long, env = "DEPLOYD_ENGINE_SOCKET", default_value = "/var/run/docker.sock")]
    pub(super) engine_socket: PathBuf,
    /// The image that the edge runs; without it that of the daemon's container.
    #[arg(long, env = "DEPLOYD_IMAGE")]
    pub(super) image: Option<String>,
    /// The image that builds Procfile projects, of the contract of herokuish.
    #[arg(long, env = "DEPLOYD_BUILDER_IMAGE", default_value = BUILDER_IMAGE)]
    pub(super) builder_image: String,
}
