//! The words of the client: what a person types in a project folder.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::project_file::BuildType;

/// The client's commands; `deployd serve` is the daemon.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Make this folder a project: write its settings to project.toml.
    Init(Init),
    /// The servers that this project is deployed to.
    #[command(subcommand)]
    Remote(RemoteCommand),
    /// Deploy the head of the branch, and show the build as it goes.
    Up(Up),
    /// What is deployed, and how it is.
    Status(Show),
    /// The deploys of the past, newest first.
    Deploys(Show),
    /// What a container printed; without a name the version that serves.
    Logs(Logs),
    /// The application's variables.
    #[command(subcommand)]
    Env(EnvCommand),
    /// The people who may use the daemon.
    #[command(subcommand)]
    User(UserCommand),
    /// Return to the deploy before the one that serves.
    Rollback(On),
    /// Stop the application.
    Down(On),
    /// Remove images and containers of the project that nothing uses.
    Prune(On),
    /// Remove the application with everything that it keeps.
    Reset(Sure),
}

/// Which server.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct On {
    /// The server; may be left out where project.toml names only one.
    #[arg(long = "remote", short = 'r', value_name = "NAME", env = "DEPLOYD_REMOTE")]
    pub(crate) remote: Option<String>,
}

/// A command that prints a document.
#[derive(Debug, Clone, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) on: On,
    /// Print the daemon's own document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A command that cannot be taken back.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sure {
    #[command(flatten)]
    pub(crate) on: On,
    /// Do it; without this word nothing happens.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Init {
    /// The project's name; without it the folder's.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// dockerfile, compose, procfile or auto.
    #[arg(long, default_value = "auto")]
    pub(crate) build_type: BuildType,
    /// The public port.
    #[arg(long)]
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RemoteCommand {
    /// Write a server down in project.toml.
    Add(Box<Add>),
    /// The servers of this project.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Everything about one server except its secrets.
    Show(Named),
    /// Forget a server, and the secrets that this machine keeps about it. The server itself stays as it is.
    Remove(Named),
    /// Install the daemon on a server over SSH; safe to run again.
    Init(Box<Bootstrap>),
    /// Take the daemon off a server over SSH, with everything that it keeps there.
    Uninstall {
        #[command(flatten)]
        named: Named,
        /// Do it; without this word nothing happens.
        #[arg(long)]
        yes: bool,
    },
    /// Trust a server that somebody else has installed, by the fingerprint of its certificate.
    Trust {
        #[command(flatten)]
        named: Named,
        /// The SHA-256 of the certificate, 64 hexadecimal digits; `deployd remote show` prints it where it is known.
        #[arg(long, value_name = "SHA256")]
        fingerprint: String,
        /// Read an access token from standard input, and keep it.
        #[arg(long)]
        token_stdin: bool,
    },
    /// Print a new admin token, for a machine that shall use the interface.
    Token(Named),
}

/// A server by its name.
#[derive(Debug, Clone, Args)]
pub(crate) struct Named {
    /// The server; may be left out where project.toml names only one.
    #[arg(value_name = "NAME", env = "DEPLOYD_REMOTE")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Add {
    /// What this project calls it: production, staging.
    pub(crate) name: String,
    /// The name or address that clients reach it by.
    pub(crate) address: String,
    /// The port of the daemon's interface.
    #[arg(long)]
    pub(crate) api_port: Option<u16>,
    /// The branch that is deployed there.
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Where SSH connects to, if that is not the address; may be a name of your SSH configuration.
    #[arg(long)]
    pub(crate) ssh_host: Option<String>,
    /// Who logs in.
    #[arg(long)]
    pub(crate) ssh_user: Option<String>,
    /// The port of the SSH server.
    #[arg(long)]
    pub(crate) ssh_port: Option<u16>,
    /// The private key to log in with.
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_identity: Option<String>,
    /// Another configuration for ssh than your own.
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_config: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("source").args(["image", "image_archive"]).required(true).multiple(true))]
pub(crate) struct Bootstrap {
    #[command(flatten)]
    pub(crate) named: Named,
    /// The reference of the daemon's image, which the server pulls.
    #[arg(long, env = "DEPLOYD_IMAGE")]
    pub(crate) image: Option<String>,
    /// A file of this machine that holds the image (docker save), which is sent to the server.
    #[arg(long, value_name = "FILE")]
    pub(crate) image_archive: Option<PathBuf>,
    /// A further name or address that clients reach the server by.
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// Lines of `known_hosts` for the git host; without it those that your own `known_hosts` has for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) git_known_hosts: Option<PathBuf>,
    /// Where an engine comes from if the server has none: distribution or upstream.
    #[arg(long, value_parser = ["distribution", "upstream"])]
    pub(crate) engine: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) on: On,
    /// Another branch than that of the settings.
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Another build type than that of project.toml: dockerfile, compose, procfile or auto.
    #[arg(long)]
    pub(crate) build_type: Option<BuildType>,
    /// Another build file than that of project.toml.
    #[arg(long, value_name = "PATH")]
    pub(crate) build_file: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) on: On,
    /// A container of the project, or deployd for the daemon itself.
    pub(crate) container: Option<String>,
    /// Go on as it prints more.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// How many of the last lines.
    #[arg(long, short = 'n', default_value_t = 100)]
    pub(crate) entries: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// The names, and the values of those that are not encrypted.
    List(Show),
    /// Set a variable; it holds from the next deploy on.
    Set {
        #[command(flatten)]
        on: On,
        /// NAME=VALUE, or NAME with the value on standard input.
        #[arg(value_name = "NAME[=VALUE]")]
        variable: String,
        /// Keep the value encrypted, and never show it again.
        #[arg(long)]
        encrypt: bool,
    },
    /// Remove a variable.
    Unset {
        #[command(flatten)]
        on: On,
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user; asks for the password, or reads it from standard input.
    Add {
        #[command(flatten)]
        on: On,
        /// The name.
        name: String,
        /// May do everything.
        #[arg(long)]
        admin: bool,
    },
    /// All users.
    List(Show),
    /// Remove a user; their sessions end at once.
    Remove {
        #[command(flatten)]
        on: On,
        /// The name.
        name: String,
    },
    /// Log in, and keep the token on this machine; asks for the password, or reads it from standard input.
    Login {
        #[command(flatten)]
        on: On,
        /// The name.
        name: String,
        /// The code of the authenticator, or a backup code.
        #[arg(long, value_name = "CODE")]
        totp: Option<String>,
    },
    /// End the session, and forget its token.
    Logout(On),
    /// The second factor of whoever is logged in.
    #[command(subcommand)]
    Totp(TotpCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TotpCommand {
    /// Demand a code at each login from now on; prints the secret and the backup codes, once.
    Enable(On),
    /// Demand no code any more.
    Disable(On),
}
