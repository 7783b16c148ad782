//! The deploy daemon's program, built once for whatever system the VPSes run.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use harness::TestEnv;
use harness::deployer::Deployd;
use harness::lease::Lease;
use tokio::process::Command;

use crate::commands::say;

/// A daemon that was built already; set for the scenarios, which must not start a build of their own each.
pub const BINARY_VARIABLE: &str = "TESTENV_DEPLOYD_BINARY";

/// The deploy tool of this repository, built, made into an image and put into the stock.
pub async fn deployd(env: &TestEnv) -> anyhow::Result<Deployd> {
    Ok(Deployd::from_binary(env, &binary(env.lease()).await?).await?)
}

/// The path of the daemon's program, which is built unless the environment names one.
pub async fn binary(lease: &Lease) -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
        return Ok(path.into());
    }
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    say("build deployd");
    let mut command = cargo();
    command
        .args(["build", "--quiet", "--package", "deployd", "--profile", "image", "--target", &target])
        // linked statically, so that it runs in an image of any distribution
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    let status = lease.run_guarded(&mut command).await.context("run cargo to build deployd")?.status;
    ensure!(status.success(), "cargo build --package deployd: {status}");
    let root = root();
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    Ok(folder.join(target).join("image").join("deployd"))
}

/// The folder of the workspace that this program was built from.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The cargo that started this program, in the workspace that it was built from.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}
