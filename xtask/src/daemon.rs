//! The deploy daemon's program, built once for whatever system the VPSes run.

use std::path::PathBuf;

use harness::TestEnv;
use harness::catalog::Arch;
use harness::deployer::Deployd;
use harness::image::program_arch;
use harness::lease::Lease;

use crate::build::Build;
use crate::commands::say;

/// A daemon that was built already; set for the scenarios, which must not start a build of their own each.
pub const BINARY_VARIABLE: &str = "TESTENV_DEPLOYD_BINARY";

/// The deploy tool of this repository, built, made into an image and put into the stock.
pub async fn deployd(env: &TestEnv) -> anyhow::Result<Deployd> {
    deployd_for(env, env.arch()).await
}

/// The same for VPSes of an architecture.
pub async fn deployd_for(env: &TestEnv, arch: Arch) -> anyhow::Result<Deployd> {
    Ok(Deployd::from_binary(env, &binary_for(env, arch).await?).await?)
}

/// The path of the daemon's program for an architecture, which is built unless the environment names one.
pub async fn binary_for(env: &TestEnv, arch: Arch) -> anyhow::Result<PathBuf> {
    if arch == env.engine().arch() {
        return binary(env.lease()).await;
    }
    if let Some(path) = std::env::var_os(BINARY_VARIABLE).map(PathBuf::from)
        && program_arch(&path).await? == arch
    {
        return Ok(path);
    }
    say(&format!("build deployd for {arch}"));
    Build::here()?.daemon_for(env, arch, "image").await
}

/// The path of the daemon's program, which is built unless the environment names one.
pub async fn binary(lease: &Lease) -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
        return Ok(path.into());
    }
    let here = Build::here()?;
    say("build deployd");
    here.daemon(lease, "image").await
}
