//! `deployd status`: what is deployed, and how it is.

use serde_json::Value;

use super::answer::strings;
use super::select::select;
use super::terminal::{json, line};
use crate::cli::words::Show;
use crate::error::Result;

/// Prints the daemon's status.
pub(super) async fn status(words: &Show) -> Result<()> {
    let selected = select(&words.on)?;
    let answer = selected.server.get("/status").await?;
    let status = &answer.data["status"];
    if words.json {
        return json(status);
    }
    let remote = &selected.remote;
    row("remote", &format!("{} ({}), deployd {}", remote.name, remote.url(), text(status, "version")))?;
    lines(status).into_iter().try_for_each(|(name, value)| row(name, &value))
}

fn row(name: &str, value: &str) -> Result<()> {
    line(format!("{name:<12}{value}").trim_end())
}

/// What there is to say for people.
fn lines(status: &Value) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let project = text(status, "project");
    lines.push(("project", if project.is_empty() { "nothing was deployed yet".into() } else { project.to_owned() }));
    let commit = text(status, "commit_hash");
    if !commit.is_empty() {
        let subject = text(status, "commit_message").lines().next().unwrap_or_default();
        lines.push(("serves", format!("{} {} {subject}", text(status, "branch"), short(commit))));
        let port = status["port"].as_u64().map(|port| format!(" on port {port}")).unwrap_or_default();
        lines.push(("built as", format!("{}{port}", text(status, "build_type"))));
        lines.push(("health", health(&status["health"])));
        if let Some(used_up) = status.get("out_of_memory").filter(|used_up| !used_up.is_null()) {
            lines.push(("memory", memory(used_up)));
        }
    }
    let containers = strings(&status["containers"]);
    if !containers.is_empty() {
        lines.push(("containers", containers.join(", ")));
    }
    if status["build_active"] == true {
        lines.push(("now", "a deploy runs".into()));
    }
    if let Some(last) = status.get("last_deploy").filter(|last| !last.is_null()) {
        lines.push(("last deploy", deploy(last)));
    }
    for (name, key) in [("engine", "engine_error"), ("update", "new_version_available")] {
        if let Some(told) = status[key].as_str().filter(|told| !told.is_empty()) {
            lines.push((name, told.to_owned()));
        }
    }
    lines
}

fn health(health: &Value) -> String {
    let http = health["http_status"].as_u64().map(|status| format!(" (HTTP {status})")).unwrap_or_default();
    match health["ok"].as_bool() {
        Some(true) => format!("ok{http}"),
        Some(false) => format!("BAD{http}: {}", text(health, "error")),
        None => "unknown".into(),
    }
}

fn memory(used_up: &Value) -> String {
    let limit = used_up["memory_mib"].as_u64().map(|mib| format!(" (memory_mib = {mib})")).unwrap_or_default();
    let (times, last) = (used_up["times"].as_u64().unwrap_or(1), short_time(text(used_up, "last_at")));
    format!("USED UP {times} x, last {last} by {}{limit}", text(used_up, "container"))
}

fn deploy(last: &Value) -> String {
    let when = last["finished_at"].as_str().unwrap_or_else(|| text(last, "started_at"));
    let what = format!("{} {} {}", text(last, "outcome"), short(text(last, "commit_hash")), short_time(when));
    match last["error"].as_str() {
        Some(error) => format!("{what}\n            {error}"),
        None => what,
    }
}

/// A text of a document; empty where it is not there.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The beginning of a commit's hash.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// A time without its fractions of a second.
pub(super) fn short_time(time: &str) -> &str {
    time.split('.').next().unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_serves_and_what_failed_are_told_apart() {
        let status = json!({
            "project": "shop", "branch": "main", "commit_hash": "0123456789abcdef", "commit_message": "Sell\n\nmore",
            "build_type": "dockerfile", "port": 80, "containers": ["shop-1"], "build_active": false,
            "health": { "ok": false, "http_status": 500, "error": "expected 200" },
            "out_of_memory": { "container": "shop-1", "memory_mib": 64, "times": 3, "last_at": "2026-01-01T00:00:00.5Z" },
            "last_deploy": { "outcome": "failed", "commit_hash": null, "error": "no Dockerfile",
                             "started_at": "2026-01-01T00:00:00.123Z", "finished_at": null },
        });
        let told: Vec<String> = lines(&status).into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(told[1], "serves: main 0123456789ab Sell");
        assert_eq!(told[3], "health: BAD (HTTP 500): expected 200");
        assert_eq!(told[4], "memory: USED UP 3 x, last 2026-01-01T00:00:00 by shop-1 (memory_mib = 64)");
        assert!(told[6].starts_with("last deploy: failed") && told[6].ends_with("no Dockerfile"), "{told:?}");
    }
}
