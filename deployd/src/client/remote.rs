//! `deployd remote`: the servers of the project, as far as this machine knows them.

use serde_json::json;

use super::edit;
use super::folder::Folder;
use super::pin::Fingerprint;
use super::secrets::Keeper;
use super::settings::{API_PORT, Remote};
use super::terminal::{json as print, line, say, secret, table};
use crate::cli::words::{Add, Named};
use crate::error::{Failure, Kind, Result};

/// Writes a server down.
pub(super) fn add(words: &Add) -> Result<()> {
    let folder = Folder::find()?;
    let words = words.clone();
    let remote = Remote {
        name: words.name,
        address: words.address,
        api_port: words.api_port.unwrap_or(API_PORT),
        branch: words.branch,
        ssh_host: words.ssh_host,
        ssh_user: words.ssh_user,
        ssh_port: words.ssh_port,
        ssh_identity: words.ssh_identity,
        ssh_config: words.ssh_config,
    };
    let refused = |saw: String| Failure::new(Kind::Invalid, format!("add remote {}", remote.name)).saw(saw);
    remote.check().map_err(refused)?;
    if folder.settings().remotes.iter().any(|known| known.name == remote.name) {
        let failure = refused(format!("{} has one of that name", folder.file().display()));
        return Err(failure.hint(format!("deployd remote remove {}", remote.name)));
    }
    edit::edit(&folder.file(), |document| edit::add_remote(document, &remote))?;
    line(&format!("{}  {}", remote.name, remote.url()))?;
    say(&format!("next: deployd remote init {} --image IMAGE", remote.name));
    Ok(())
}

/// Prints the servers.
pub(super) fn list(as_json: bool) -> Result<()> {
    let (folder, keeper) = (Folder::find()?, Keeper::of_user()?);
    let remotes = &folder.settings().remotes;
    if as_json {
        return print(&remotes.iter().map(|remote| document(remote, &keeper)).collect::<Result<_>>()?);
    }
    let mut rows = Vec::new();
    for remote in remotes {
        let known = match keeper.read(remote)? {
            None => "not installed from here",
            Some(kept) if kept.token.is_none() => "trusted, logged out",
            Some(_) => "ready",
        };
        let branch = remote.branch.clone().or_else(|| folder.settings().branch.clone()).unwrap_or_default();
        rows.push(vec![remote.name.clone(), remote.url(), branch, known.to_owned()]);
    }
    table(&["NAME", "ADDRESS", "BRANCH", "STATE"], &rows)
}

/// Prints everything about a server that is not secret.
pub(super) fn show(named: &Named) -> Result<()> {
    let folder = Folder::find()?;
    print(&document(folder.settings().select(named.name.as_deref())?, &Keeper::of_user()?)?)
}

fn document(remote: &Remote, keeper: &Keeper) -> Result<serde_json::Value> {
    let kept = keeper.read(remote)?;
    let mut document = json!(remote);
    document["url"] = json!(remote.url());
    document["certificate_sha256"] = json!(kept.as_ref().map(|kept| kept.certificate_sha256));
    document["logged_in"] = json!(kept.is_some_and(|kept| kept.token.is_some()));
    Ok(document)
}

/// Forgets a server.
pub(super) fn remove(named: &Named) -> Result<()> {
    let folder = Folder::find()?;
    let settings = folder.settings();
    let remote = match named.name.as_deref() {
        None => {
            let failure = Failure::new(Kind::Invalid, "remove a remote").saw("no name is given");
            let known: Vec<&str> = settings.remotes.iter().map(|remote| remote.name.as_str()).collect();
            return Err(failure.hint(format!("known: {}", known.join(", "))));
        }
        name => settings.select(name)?,
    };
    edit::edit(&folder.file(), |document| edit::remove_remote(document, &remote.name))?;
    // two names may stand for one server
    let shared = |other: &&Remote| (&other.address, other.api_port) == (&remote.address, remote.api_port);
    if settings.remotes.iter().filter(shared).count() == 1 {
        Keeper::of_user()?.forget(remote)?;
    }
    say(&format!("{} is forgotten here; the server goes on as it is", remote.name));
    Ok(())
}

/// Pins the certificate of a server that somebody else has installed.
pub(super) fn trust(named: &Named, fingerprint: &str, token_stdin: bool) -> Result<()> {
    let folder = Folder::find()?;
    let remote = folder.settings().select(named.name.as_deref())?;
    let (keeper, pin) = (Keeper::of_user()?, fingerprint.parse::<Fingerprint>()?);
    let kept = keeper.read(remote)?;
    let token = if token_stdin {
        Some(secret("token")?)
    } else {
        // a token is only for the server that it was given for
        kept.filter(|kept| kept.certificate_sha256 == pin).and_then(|kept| kept.token)
    };
    let logged_in = token.is_some();
    keeper.write(remote, pin, token)?;
    say(&format!("{} is trusted by its certificate {pin}", remote.name));
    if !logged_in {
        say(&format!("next: deployd user login NAME --remote {}", remote.name));
    }
    Ok(())
}
