//! The first VPS of a system on a machine that has nothing of it, from the package mirror: against the same by hand.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::catalog::{Init, Mirror, System};
use harness::image::{Base, BaseSource, vps_recipe};
use harness::provision::program;
use harness::{TestEnv, VpsRequest};
use tokio::task::block_in_place;

use super::plain::{Plain, stdout};
use super::row::{Comparison, Row};
use crate::cli::Global;
use crate::commands::common::say;

/// What the row is called.
pub const WHAT: &str = "cold first VPS from a package mirror";
const ROUNDS: usize = 3;
/// Nothing listens there: the base comes from the mirror, as on a machine that no registry answers.
const NO_REGISTRY: &str = "127.0.0.1:1";
/// The same packages as the catalog's base, and the same speed: nothing is flushed to the disk on the way.
const WORDS: [&str; 3] = ["--variant=minbase", "--include=apt,ca-certificates", "--dpkgopt=force-unsafe-io"];

pub async fn run(global: &Global, env: &TestEnv, system: &System) -> anyhow::Result<Row> {
    program("mmdebstrap", "mmdebstrap", !global.no_install, &say).await?;
    env.stock().await?;
    let against = "mmdebstrap, docker import, docker build, docker run by hand";
    let comparison = Comparison { what: WHAT.to_owned(), against, goal: 1.0, rounds: ROUNDS };
    comparison.run(async || ours(env, system).await, async || block_in_place(|| by_hand(env, system))).await
}

async fn ours(env: &TestEnv, system: &System) -> anyhow::Result<Duration> {
    // a system that no machine has anything of: names on the engine follow everything that the entry says
    let base = format!("{NO_REGISTRY}/cold-{}:1", std::process::id());
    let fresh = System { base, digest: None, ..system.clone() };
    let start = Instant::now();
    let vps = VpsRequest::new(&fresh).start(env).await?;
    let elapsed = start.elapsed();
    let (base, container) = (vps.info().base.reference.clone(), vps.info().container_id.clone());
    let image = stdout(Command::new("docker").args(["inspect", "--format", "{{.Config.Image}}", &container]))?;
    vps.close().await?;
    for reference in [image, base] {
        env.engine().remove_image(&reference).await?;
    }
    Ok(elapsed)
}

fn by_hand(env: &TestEnv, system: &System) -> anyhow::Result<Duration> {
    let Some(Mirror::Apt(mirror)) = &system.mirror else { anyhow::bail!("{system} has no archive of the apt family") };
    let suite = mirror.suites.first().context("no suite")?;
    let (base, image) = ("testvps/bench-base:by-hand", "testvps/bench:by-hand");
    let made_of = Base { reference: base.to_owned(), source: BaseSource::Mirror, arch: env.engine().arch() };
    let (recipe, context) = (vps_recipe(system, &made_of)?, tempfile::tempdir()?);
    recipe.write(context.path())?;
    let start = Instant::now();
    let mut bootstrap = Command::new("mmdebstrap");
    bootstrap.args(WORDS).arg(format!("--keyring={}", mirror.keyring)).args([suite, "-"]);
    let components = mirror.components.join(" ");
    bootstrap.args(mirror.suites.iter().map(|suite| format!("deb {} {suite} {components}", mirror.url)));
    bootstrap.args(mirror.security.iter().map(|it| format!("deb {} {} {components}", it.url, it.suite)));
    let mut made = bootstrap.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let archive = made.stdout.take().context("no pipe")?;
    let imported = Command::new("docker").args(["import", "-", base]).stdin(archive).stdout(Stdio::null()).status()?;
    ensure!(made.wait()?.success() && imported.success(), "mmdebstrap or docker import failed");
    let mut build = Command::new("docker");
    build.args(["build", "--quiet", "--tag", image]);
    build.args(recipe.args().flat_map(|(name, value)| ["--build-arg".to_owned(), format!("{name}={value}")]));
    build.arg(context.path());
    stdout(&mut build)?;
    let made_after = start.elapsed();
    let started = Plain::new(image.to_owned(), env.lease().labels("bench"))?.start(Init::Systemd);
    stdout(Command::new("docker").args(["rmi", "--force", image, base]))?;
    Ok(made_after + started?)
}
