//! Bringing the work tree to the head of a branch, whatever state it was left in.

use std::path::Path;
use std::time::Duration;

use super::leftovers;
use super::process::{GitError, LOCAL, git};
use super::remote::without_password;
use super::submodules;
use crate::control::deploy_key;
use crate::error::{Failure, Kind, Result};
use crate::settings::DataDir;

/// How long fetching may take.
const FETCH: Duration = Duration::from_mins(5);
/// What to look at if no git host answers.
const REACHABLE: &str = "is the git host reachable from here?";
/// What is written between the fields of a commit.
const FORMAT: &str = "--format=%H%x00%ct%x00%B";

/// The commit that the work tree holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full hash.
    pub hash: String,
    /// The message.
    pub message: String,
    /// When it was made, in seconds since 1970.
    pub time: u64,
}

/// Fetches the head of `branch` and makes the work tree exactly that.
pub async fn checkout(data: &DataDir, remote: &str, branch: &str) -> Result<Commit> {
    checkout_by(data, remote, branch, FETCH).await
}

async fn checkout_by(data: &DataDir, remote: &str, branch: &str, deadline: Duration) -> Result<Commit> {
    check_words(remote, branch)?;
    if let Ok(commit) = attempt(data, remote, branch, deadline).await? {
        return Ok(commit);
    }
    // a machine that lost power may leave a repository that git cannot use: a new one has nothing to be wrong
    tracing::warn!("the work tree cannot be used; it is made anew");
    remove(&data.source())?;
    attempt(data, remote, branch, deadline).await?.map_err(|error| {
        let failure = Failure::new(Kind::Internal, format!("check out {branch}")).saw(error);
        failure.hint("look at the disk of the data directory: it may be full")
    })
}

/// The outer error is final; the inner one may be mended by a new repository.
async fn attempt(
    data: &DataDir,
    remote: &str,
    branch: &str,
    deadline: Duration,
) -> Result<std::result::Result<Commit, GitError>> {
    let dir = data.source();
    if let Err(error) = prepare(data, &dir).await {
        return Ok(Err(error));
    }
    let head = format!("+refs/heads/{branch}:refs/deployd/head");
    let fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--force", "--end-of-options", remote, &head];
    if let Err(error) = git(data, &dir, deadline, &fetch).await {
        leftovers::remove(data, &dir).await;
        return not_fetched(data, remote, branch, error);
    }
    let commit = match reset(data, &dir).await {
        Ok(commit) => commit,
        Err(error) => return Ok(Err(error)),
    };
    match submodules::update(data, &dir, remote, deadline).await {
        Ok(()) => Ok(Ok(commit)),
        Err(error) => not_fetched(data, remote, &format!("the submodules of {branch}"), error),
    }
}

async fn prepare(data: &DataDir, dir: &Path) -> Result<(), GitError> {
    std::fs::create_dir_all(dir).map_err(GitError::Absent)?;
    leftovers::remove_locks(&dir.join(".git"));
    if !dir.join(".git/HEAD").exists() {
        git(data, dir, LOCAL, &["init", "--quiet"]).await?;
    }
    if leftovers::killed(dir) {
        leftovers::remove(data, dir).await;
    }
    Ok(())
}

async fn reset(data: &DataDir, dir: &Path) -> Result<Commit, GitError> {
    let local = async |args: &[&str]| git(data, dir, LOCAL, args).await;
    local(&["checkout", "--quiet", "--force", "--detach", "refs/deployd/head"]).await?;
    local(&["reset", "--quiet", "--hard", "refs/deployd/head"]).await?;
    local(&["clean", "--quiet", "-ffdx"]).await?;
    let shown = local(&["log", "-1", FORMAT]).await?;
    let mut fields = shown.splitn(3, '\0').map(str::trim);
    let mut next = || fields.next().unwrap_or_default().to_owned();
    let (hash, time, message) = (next(), next(), next());
    if hash.len() < 40 {
        return Err(GitError::Refused(format!("git log answered {shown:?}")));
    }
    Ok(Commit { hash, message, time: time.parse().unwrap_or(0) })
}

/// Words that git would read as options, or that no repository and no branch can be called.
fn check_words(remote: &str, branch: &str) -> Result<()> {
    let invalid = |what: &str, saw: &str| Err(Failure::new(Kind::Invalid, what).saw(saw));
    let strange = |word: &str| word.is_empty() || word.starts_with('-') || word.chars().any(char::is_control);
    if strange(remote) || remote.contains("::") {
        return invalid("git_options.remote", "it is not the address of a repository, such as git@host:team/app.git");
    }
    let forbidden = |c: char| c.is_whitespace() || "~^:?*[\\".contains(c);
    if strange(branch) || branch.contains(forbidden) || branch.contains("..") {
        return invalid("git_options.branch", "it is not the name of a branch");
    }
    Ok(())
}

/// Whether it is our repository that stands in the way, and not the git host.
fn broken(said: &str) -> bool {
    ["not a git repository", ".lock", "corrupt", "bad object", "unable to write", "index file"]
        .iter()
        .any(|sign| said.contains(sign))
}

/// Whether nobody was there to refuse anything: a deploy key would not help.
fn unreachable(said: &str) -> bool {
    // in the words of ssh, of curl and of git
    [
        "Could not resolve host",
        "timed out",
        "Timeout, server",
        "early EOF",
        "Connection refused",
        "No route to host",
        "Network is unreachable",
        "Failed to connect",
    ]
    .iter()
    .any(|sign| said.contains(sign))
}

/// Why the source could not be had; the inner error may be mended by a new repository.
fn not_fetched<T>(data: &DataDir, remote: &str, what: &str, error: GitError) -> Result<Result<T, GitError>> {
    let what = format!("fetch {what} of {}", without_password(remote));
    Err(match error {
        GitError::Refused(said) if broken(&said) => return Ok(Err(GitError::Refused(said))),
        GitError::Absent(_) => Failure::new(Kind::Internal, what).saw(error),
        GitError::Late(_) => Failure::new(Kind::Source, what).saw(error).hint(REACHABLE),
        GitError::Refused(said) if unreachable(&said) => {
            Failure::new(Kind::Source, what).saw(said.replace(remote, &without_password(remote))).hint(REACHABLE)
        }
        GitError::Refused(said) => {
            // git may repeat the address that it was given
            let said = said.replace(remote, &without_password(remote));
            let key = deploy_key(data)?;
            let hint = remedy(&said, remote, key.is_some());
            Failure::new(Kind::Refused, what).saw(said).hint(hint).public_key(key)
        }
    })
}

/// What would make the git host give it.
fn remedy(said: &str, remote: &str, has_key: bool) -> &'static str {
    if said.contains("Host key verification failed") {
        "pin the git host's key: bootstrap again with DEPLOYD_GIT_KNOWN_HOSTS"
    } else if said.contains("couldn't find remote ref") {
        "push the branch, or name another one"
    } else if said.contains("certificate") {
        "put the certificate of the git host's authority into the folder authorities of the data directory"
    } else if remote.starts_with("http") {
        "give the address a user and a token that may read the repository: https://USER:TOKEN@HOST/PATH"
    } else if has_key {
        "let the deploy key of this machine read the repository"
    } else {
        "there is no deploy key: bootstrap again"
    }
}

fn remove(dir: &Path) -> Result<()> {
    std::fs::remove_dir_all(dir)
        .map_err(|error| Failure::new(Kind::Internal, format!("remove {}", dir.display())).saw(error))
}

#[cfg(test)]
mod tests;
