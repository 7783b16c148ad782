//! The deploy daemon's program, built once for whatever system the VPSes run.

use std::path::PathBuf;

use harness::TestEnv;
use harness::deployer::Deployd;
use harness::lease::Lease;

use crate::build::Build;
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
    say("build deployd");
    Build::here().daemon(lease, "image").await
}
