//! The deploy daemon's program, built once for whatever system the VPSes run.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use harness::TestEnv;
use harness::deployer::Deployd;
use tokio::process::Command;

use crate::commands::say;

/// A daemon that was built already; set for the scenarios, which must not start a build of their own each.
pub const BINARY_VARIABLE: &str = "TESTENV_DEPLOYD_BINARY";

/// The deploy tool of this repository, built, made into an image and put into the stock.
pub async fn deployd(env: &TestEnv) -> anyhow::Result<Deployd> {
    Ok(Deployd::from_binary(env, &binary().await?).await?)
}

/// The path of the daemon's program, which is built unless the environment names one.
pub async fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
        return Ok(path.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace's folder")?;
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    say("build deployd");
    let status = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["build", "--quiet", "--package", "deployd", "--profile", "image", "--target", &target])
        // linked statically, so that it runs in an image of any distribution
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("run cargo to build deployd")?;
    ensure!(status.success(), "cargo build --package deployd: {status}");
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    Ok(folder.join(target).join("image").join("deployd"))
}
