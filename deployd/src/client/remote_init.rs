//! `deployd remote init` and `remote uninstall`: the daemon onto a server over SSH, and off it again.

use std::io::Cursor;
use std::path::Path;

use tokio::fs::File;

use super::bootstrap::{self, Results, Verb};
use super::folder::Folder;
use super::http::Server;
use super::pin::Fingerprint;
use super::secrets::Keeper;
use super::settings::Remote;
use super::terminal::{line, say, sure};
use super::{git, ssh};
use crate::cli::words::{Bootstrap, Named};
use crate::error::{Failure, Kind, Result};

/// What takes an archive in on the server, and answers where it is.
const TAKE_IN: &str =
    "exec sh -c 'umask 077; file=$(mktemp /tmp/deployd-image.XXXXXXXX) && cat >\"$file\" && echo \"$file\"'";
/// What removes it again; its path comes through standard input.
const REMOVE: &str = "exec sh -c 'IFS= read -r file && rm -f -- \"$file\"'";

/// Installs the daemon, and keeps what is needed to talk to it.
pub(super) async fn init(words: &Bootstrap) -> Result<()> {
    let (folder, keeper) = (Folder::find()?, Keeper::of_user()?);
    let remote = folder.settings().select(words.named.name.as_deref())?;
    let known_hosts = known_hosts(words, &folder)?;
    let archive = match &words.image_archive {
        Some(file) => Some(send(remote, folder.dir(), file).await?),
        None => None,
    };
    let hosts: Vec<&str> = std::iter::once(&remote.address).chain(&words.hosts).map(String::as_str).collect();
    let variables = [
        ("DEPLOYD_IMAGE", words.image.clone().unwrap_or_default()),
        ("DEPLOYD_IMAGE_ARCHIVE", archive.clone().unwrap_or_default()),
        ("DEPLOYD_HOSTS", hosts.join(" ")),
        ("DEPLOYD_GIT_KNOWN_HOSTS", known_hosts),
        ("DEPLOYD_ENGINE", words.engine.clone().unwrap_or_default()),
    ];
    let installed = bootstrap::run(remote, folder.dir(), Verb::Install, &variables, say).await;
    if let Some(path) = archive {
        ssh::run(remote, folder.dir(), REMOVE, Cursor::new(path + "\n"), |_| ()).await?;
    }
    let mut results = installed.inspect_err(show_last_lines)?;
    // the fingerprint came over SSH, from a server whose host key ssh has checked: TLS never has to trust at first sight
    let pin: Fingerprint = results.take("certificate_sha256")?.parse()?;
    let token = results.take("token")?;
    keeper.write(remote, pin, Some(token.clone()))?;
    tell(remote, &mut results)?;
    let server = Server { host: remote.address.clone(), port: remote.api_port, pin, token: Some(token) };
    server.get("/status").await?;
    say(&format!("next: let the git host accept the deploy key, then deployd up --remote {}", remote.name));
    Ok(())
}

fn show_last_lines(failure: &Failure) {
    failure.last_lines().iter().for_each(|line| say(&format!("  {line}")));
}

/// What the person has to carry elsewhere.
fn tell(remote: &Remote, results: &mut Results) -> Result<()> {
    line(&format!("deployd {} runs on {} ({})", results.take("version")?, remote.name, remote.url()))?;
    line("")?;
    line("The deploy key: let it read the repository at the git host (GitHub: Settings, Deploy keys)")?;
    line(&format!("  {}", results.take("deploy_key")?))?;
    line("The webhook: the git host calls it after each push (content type application/json)")?;
    line(&format!("  address  {}", results.take("webhook_url")?))?;
    line(&format!("  secret   {}", results.take("webhook_secret")?))?;
    line("")
}

/// The host keys of the git host that the server shall trust.
fn known_hosts(words: &Bootstrap, folder: &Folder) -> Result<String> {
    if let Some(file) = &words.git_known_hosts {
        let read = std::fs::read_to_string(file);
        return read.map_err(|error| Failure::new(Kind::Invalid, format!("read {}", file.display())).saw(error));
    }
    let repository = folder.settings().repository.clone().map_or_else(|| git::origin(folder.dir()), Ok);
    let Ok(repository) = repository else {
        // its server can be installed all the same
        say("note: the project has no repository yet; run this again once git remote add origin has named one");
        return Ok(String::new());
    };
    // over HTTPS there is no host key to trust
    let Some(host) = git::ssh_host(&repository) else { return Ok(String::new()) };
    let lines = git::known_hosts(&host);
    if lines.is_empty() {
        say(&format!("note: your known_hosts has no key of {host}; --git-known-hosts FILE gives one"));
    }
    Ok(lines.join("\n"))
}

/// Sends the image's archive; answers its path on the server.
async fn send(remote: &Remote, dir: &Path, file: &Path) -> Result<String> {
    let failed =
        |saw: String| Failure::new(Kind::Internal, format!("send {} to {}", file.display(), remote.name)).saw(saw);
    let archive = File::open(file).await;
    let archive =
        archive.map_err(|error| Failure::new(Kind::Invalid, format!("read {}", file.display())).saw(error))?;
    say(&format!("send {}", file.display()));
    let mut path = String::new();
    let ended = ssh::run(remote, dir, TAKE_IN, archive, |line| line.clone_into(&mut path)).await?;
    if ended.success && path.starts_with("/tmp/deployd-image.") {
        return Ok(path);
    }
    Err(failed(ended.last.join("\n")))
}

/// Takes the daemon off a server.
pub(super) async fn uninstall(named: &Named, yes: bool) -> Result<()> {
    let folder = Folder::find()?;
    let remote = folder.settings().select(named.name.as_deref())?;
    sure(yes, &format!("take deployd and everything that it keeps off {}", remote.name))?;
    let uninstalled = bootstrap::run(remote, folder.dir(), Verb::Uninstall, &[], say).await;
    uninstalled.inspect_err(show_last_lines)?;
    Keeper::of_user()?.forget(remote)?;
    line(&format!("deployd is gone from {}", remote.name))
}
