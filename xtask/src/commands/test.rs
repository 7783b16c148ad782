//! `test`: unit tests, then the scenarios of every system that runs here; what CI runs.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use harness::provision::find_program;

use super::common::say;
use super::matrix;
use crate::cli::{Global, ListFormat, Matrix};
use crate::exit::Status;

pub async fn run(global: &Global) -> anyhow::Result<()> {
    // nextest shows more and runs side by side; without it cargo's own runner does
    if find_program("cargo-nextest").is_some() {
        cargo(&["nextest", "run", "--workspace"]).await?;
        cargo(&["test", "--workspace", "--doc", "--quiet"]).await?;
    } else {
        cargo(&["test", "--workspace"]).await?;
    }
    let all = Matrix {
        os: Vec::new(),
        scenario: None,
        jobs: None,
        require: Vec::new(),
        report: None,
        list: false,
        format: ListFormat::Text,
    };
    matrix::run(global, all).await
}

async fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    say(&format!("cargo {}", arguments.join(" ")));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace's folder")?;
    let status = tokio::process::Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("run cargo")?;
    if status.success() { Ok(()) } else { Err(Status(1).into()) }
}
