//! The client: what a person in a project folder types. It knows the daemon by its HTTP interface and by the lines that
//! `bootstrap.sh` prints, as any other client would.

mod answer;
mod bootstrap;
mod deploys;
mod edit;
mod env;
mod folder;
mod follow;
mod git;
mod http;
mod init;
mod logs;
mod pin;
mod plain;
mod remote;
mod remote_init;
mod run;
mod secrets;
mod select;
mod settings;
mod ssh;
mod status;
mod terminal;
mod token;
mod totp;
mod up;
mod user;

pub(crate) use http::Server;
pub(crate) use run::run;
