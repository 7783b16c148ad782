//! `test`: shell scripts, unit tests, then the scenarios of every system that runs here; what CI runs.

use anyhow::Context;
use harness::lease::Lease;
use harness::provision::find_program;

use super::common::{say, with_env};
use super::{lint, matrix};
use crate::build;
use crate::cli::{Global, Matrix};
use crate::exit::{Status, unless_interrupted};

pub async fn run(global: &Global) -> anyhow::Result<()> {
    build::sources()?;
    unless_interrupted(with_env(global, async |env| {
        let lease = env.lease();
        lint::shell(global, lease).await?;
        // nextest shows more and runs side by side; without it cargo's own runner does
        if find_program("cargo-nextest").is_some() {
            cargo(lease, &["nextest", "run", "--workspace"]).await?;
            cargo(lease, &["test", "--workspace", "--doc", "--quiet"]).await
        } else {
            cargo(lease, &["test", "--workspace"]).await
        }
    }))
    .await?;
    matrix::run(global, Matrix::default()).await
}

async fn cargo(lease: &Lease, arguments: &[&str]) -> anyhow::Result<()> {
    say(&format!("cargo {}", arguments.join(" ")));
    let output = lease.run_guarded(build::cargo().args(arguments)).await.context("run cargo")?;
    if output.status.success() { Ok(()) } else { Err(Status(1).into()) }
}
