//! From the words of a command to the server it means, with what is needed to talk to it.

use super::folder::Folder;
use super::http::Server;
use super::secrets::Keeper;
use super::settings::Remote;
use crate::cli::words::On;
use crate::error::{Failure, Kind, Result};

/// A server that a command is about.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) folder: Folder,
    pub(super) remote: Remote,
    pub(super) server: Server,
}

/// The server that `--remote` names, or the only one; its certificate must be known.
pub(super) fn select(on: &On) -> Result<Selected> {
    named(on.remote.as_deref())
}

/// The same for commands that take the name without `--remote`.
pub(super) fn named(name: Option<&str>) -> Result<Selected> {
    let folder = Folder::find()?;
    let remote = folder.settings().select(name)?.clone();
    let kept = Keeper::of_user()?.read(&remote)?;
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // a build server has no home to keep secrets in
    let pin = match set("DEPLOYD_CERTIFICATE_SHA256") {
        Some(given) => Some(given.parse()?),
        None => kept.as_ref().map(|kept| kept.certificate_sha256),
    };
    let pin = pin.ok_or_else(|| {
        let failure = Failure::new(Kind::Unauthorized, format!("talk to {} ({})", remote.name, remote.url()));
        failure.saw("this machine does not know its certificate").hint(format!(
            "deployd remote init {0} installs it; where somebody else did: deployd remote trust {0} --fingerprint SHA256, \
             then deployd user login",
            remote.name
        ))
    })?;
    let token = set("DEPLOYD_TOKEN").or_else(|| kept.and_then(|kept| kept.token));
    let server = Server { host: remote.address.clone(), port: remote.api_port, pin, token };
    Ok(Selected { folder, remote, server })
}
