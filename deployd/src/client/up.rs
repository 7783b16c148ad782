//! `deployd up`: deploys, and shows the build as it goes.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::answer::read;
use super::git;
use super::select::{Selected, select};
use super::terminal::{line, say};
use crate::cli::words::Up;
use crate::error::{Failure, Kind, Result};
use crate::project_file::BuildType;
use crate::text::Lines;

/// How the daemon begins the last line of a deploy that succeeded, and of one that did not.
const SUCCEEDED: &str = "deploy succeeded: ";
const FAILED: &str = "deploy failed: ";

/// Deploys the head of the branch.
pub(super) async fn up(words: &Up) -> Result<()> {
    let selected = select(&words.on)?;
    let body = body(words, &selected)?;
    let response = selected.server.stream("/up", &body).await?;
    if !response.status().is_success() {
        let refused = read(response, std::time::Duration::from_mins(1)).await;
        return refused.map(|_| ()).inspect_err(|failure| explain(failure, &selected));
    }
    let last = show(response.into_body()).await?;
    if last.starts_with(SUCCEEDED) {
        return Ok(());
    }
    if let Some(why) = last.strip_prefix(FAILED) {
        let failure = Failure::new(Kind::Build, "deploy").saw(why);
        return Err(failure.hint("what served before goes on serving"));
    }
    let failure = Failure::new(Kind::Internal, "deploy").saw("the connection ended before the deploy did");
    Err(failure.hint("it goes on without you: deployd status"))
}

/// What is asked of the daemon. How it is built stands in the repository; what is typed here has the last word.
fn body(words: &Up, selected: &Selected) -> Result<Value> {
    let (dir, settings) = (selected.folder.dir(), selected.folder.settings());
    let branch = [&words.branch, &selected.remote.branch, &settings.branch].into_iter().flatten().next().cloned();
    let branch = branch.map_or_else(|| git::branch(dir), Ok)?;
    let repository = settings.repository.clone().map_or_else(|| git::origin(dir), Ok)?;
    Ok(json!({
        "stream": true,
        "project": settings.project.clone().unwrap_or_default(),
        "build_type": words.build_type.map(BuildType::word).unwrap_or_default(),
        "build_file_path": words.build_file.clone().unwrap_or_default(),
        "git_options": { "remote": repository, "branch": branch },
    }))
}

/// Prints the lines as they come; answers the last one.
async fn show(mut body: Incoming) -> Result<String> {
    let (mut lines, mut last) = (Lines::default(), String::new());
    let mut tell = |text: String| {
        last = text;
        line(&last)
    };
    while let Some(frame) = body.frame().await {
        // an answer that is cut off ends like one that says nothing about its end
        let Ok(frame) = frame else { break };
        let Some(piece) = frame.data_ref() else { continue };
        lines.take(piece).into_iter().try_for_each(&mut tell)?;
    }
    lines.rest().map_or(Ok(()), &mut tell)?;
    Ok(last)
}

/// What a person does about a refusal.
fn explain(failure: &Failure, selected: &Selected) {
    failure.last_lines().iter().for_each(|line| say(&format!("  {line}")));
    if let Some(key) = failure.deploy_key() {
        say(&format!("{} could not read the repository with its deploy key:", selected.remote.name));
        say(&format!("  {key}"));
        say("let it read the repository at the git host (GitHub: Settings, Deploy keys), then deployd up again");
    }
}
