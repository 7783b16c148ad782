//! The deploy daemon's program, built once for whatever system the VPSes run.

use std::path::PathBuf;

use harness::TestEnv;
use harness::catalog::Arch;
use harness::deployer::Deployd;
use harness::image::program_arch;

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

/// The path of the daemon's program for an architecture, which is built unless the environment names one. What its image
/// will stand on is made meanwhile: that waits for the network more than for the processors.
pub async fn binary_for(env: &TestEnv, arch: Arch) -> anyhow::Result<PathBuf> {
    let stock = Box::pin(async { Ok(env.stock_for(arch).await.map(drop)?) });
    let (binary, ()) = tokio::try_join!(Box::pin(built_for(env, arch)), stock)?;
    Ok(binary)
}

async fn built_for(env: &TestEnv, arch: Arch) -> anyhow::Result<PathBuf> {
    let native = arch == env.engine().arch();
    if let Some(path) = std::env::var_os(BINARY_VARIABLE).map(PathBuf::from)
        && (native || program_arch(&path).await? == arch)
    {
        return Ok(path);
    }
    let here = Build::here()?;
    if native {
        say("build deployd");
        return here.daemon(env.lease(), "image").await;
    }
    say(&format!("build deployd for {arch}"));
    here.daemon_for(env, arch, "image").await
}
