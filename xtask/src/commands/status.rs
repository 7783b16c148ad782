//! `status`: what the deploy tool says is deployed, and whether it answers.

use harness::deployer::status;
use harness::probe::{Answer, ask};
use harness::{Vps, Workspace};
use serde_json::json;

use super::common::{kept_vps, print_json, say, workspace};
use super::deploy::{access, deployed_project};
use crate::cli::{Global, Status};

pub async fn run(global: &Global, words: Status) -> anyhow::Result<()> {
    let vps = kept_vps(global, words.name.as_deref()).await?;
    let (workspace, name) = (workspace(global)?, &vps.info().name);
    vps.check_running("ask its deploy tool").await?;
    let said = status(&vps, &access(&workspace, name)?).await?;
    let answer = answer(&vps, &workspace).await;
    if words.json.json {
        let mut document = serde_json::to_value(&said)?;
        let health = answer.map_or_else(|| json!({"url": null, "http_status": null, "ok": false}), |it| json!(it));
        document["health"] = health;
        return print_json(&document);
    }
    println!("version  {}", said.version);
    let nothing = "nothing is deployed".to_owned();
    let commit = if said.commit_hash.is_empty() { nothing } else { format!("{} ({})", said.commit_hash, said.branch) };
    println!("commit   {commit}");
    if let Some(last) = said.rest.get("last_deploy").filter(|last| !last.is_null()) {
        println!("last     {} {}", text(&last["outcome"]), text(&last["error"]));
    }
    if let Some(answer) = answer {
        let status = answer.http_status.map_or_else(|| answer.why.unwrap_or_default(), |code| format!("HTTP {code}"));
        println!("health   {} {}: {status}", if answer.ok { "ok" } else { "NOT OK" }, answer.url);
    }
    Ok(())
}

/// What the deployed project answers; nothing if there is none, or none that can be read any more.
async fn answer(vps: &Vps, workspace: &Workspace) -> Option<Answer> {
    match deployed_project(workspace, &vps.info().name) {
        Ok(Some(project)) => Some(ask(vps, &project).await),
        Ok(None) => None,
        Err(error) => {
            // the daemon's word is what was asked for: that the folder has moved since takes nothing of it away
            say(&format!("whether it answers cannot be told: {error:#}"));
            None
        }
    }
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}
