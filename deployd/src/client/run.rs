//! From a command to the function that does it.

use super::{deploys, env, init, logs, plain, remote, remote_init, status, token, totp, up, user};
use crate::cli::words::{ClientCommand, EnvCommand, RemoteCommand, TotpCommand, UserCommand};
use crate::error::Result;

/// Does one command of the client.
pub(crate) async fn run(command: ClientCommand) -> Result<()> {
    match command {
        ClientCommand::Init(words) => init::init(&words),
        ClientCommand::Remote(command) => remotes(command).await,
        ClientCommand::Up(words) => up::up(&words).await,
        ClientCommand::Status(words) => status::status(&words).await,
        ClientCommand::Deploys(words) => deploys::deploys(&words).await,
        ClientCommand::Logs(words) => logs::logs(&words).await,
        ClientCommand::Env(EnvCommand::List(words)) => env::list(&words).await,
        ClientCommand::Env(EnvCommand::Set { on, variable, encrypt }) => env::set(&on, &variable, encrypt).await,
        ClientCommand::Env(EnvCommand::Unset { on, name }) => env::unset(&on, &name).await,
        ClientCommand::User(command) => users(command).await,
        ClientCommand::Rollback(on) => plain::rollback(&on).await,
        ClientCommand::Down(on) => plain::down(&on).await,
        ClientCommand::Prune(on) => plain::prune(&on).await,
        ClientCommand::Reset(words) => plain::reset(&words).await,
    }
}

async fn remotes(command: RemoteCommand) -> Result<()> {
    match command {
        RemoteCommand::Add(words) => remote::add(&words),
        RemoteCommand::List { json } => remote::list(json),
        RemoteCommand::Show(named) => remote::show(&named),
        RemoteCommand::Remove(named) => remote::remove(&named),
        RemoteCommand::Init(words) => remote_init::init(&words).await,
        RemoteCommand::Uninstall { named, yes } => remote_init::uninstall(&named, yes).await,
        RemoteCommand::Trust { named, fingerprint, token_stdin } => remote::trust(&named, &fingerprint, token_stdin),
        RemoteCommand::Token(named) => token::token(&named).await,
    }
}

async fn users(command: UserCommand) -> Result<()> {
    match command {
        UserCommand::Add { on, name, admin } => user::add(&on, &name, admin).await,
        UserCommand::List(words) => user::list(&words).await,
        UserCommand::Remove { on, name } => user::remove(&on, &name).await,
        UserCommand::Login { on, name, totp } => user::login(&on, &name, totp).await,
        UserCommand::Logout(on) => user::logout(&on).await,
        UserCommand::Totp(TotpCommand::Enable(on)) => totp::enable(&on).await,
        UserCommand::Totp(TotpCommand::Disable(on)) => totp::disable(&on).await,
    }
}
