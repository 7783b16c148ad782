//! The first VPS of a system on a machine that has nothing of it, from the package mirror: against the same by hand.

use std::process::id;
use std::time::{Duration, Instant};

use anyhow::Context;
use harness::catalog::{Init, Mirror, System};
use harness::image::{Base, BaseSource, vps_recipe};
use harness::provision::program;
use harness::{TestEnv, VpsRequest};
use tokio::process::Command;

use super::child::stdout;
use super::images::Images;
use super::plain::Plain;
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
/// A pipe's status is that of its end alone: its beginning says so if it failed.
const IMPORT: &str = r#"set -eu
base=$1
shift
failed=$({ { mmdebstrap "$@" || echo "mmdebstrap: $?" >&3; } | docker import - "$base" >/dev/null; } 3>&1)
test -z "$failed" || { echo "$failed" >&2; exit 1; }
"#;

pub async fn run(global: &Global, env: &TestEnv, system: &System, images: &Images) -> anyhow::Result<Row> {
    program("mmdebstrap", "mmdebstrap", !global.no_install, &say).await?;
    env.stock().await?;
    let against = "mmdebstrap, docker import, docker build, docker run by hand";
    let comparison = Comparison { what: WHAT.to_owned(), against, goal: 1.0, rounds: ROUNDS };
    comparison.run(async || ours(env, system, images).await, async || by_hand(env, system, images).await).await
}

async fn ours(env: &TestEnv, system: &System, images: &Images) -> anyhow::Result<Duration> {
    // a system that no machine has anything of: names on the engine follow everything that the entry says
    let base = format!("{NO_REGISTRY}/cold-{}:1", id());
    let fresh = System { base, digest: None, ..system.clone() };
    images.begin(env.sources().reference(env.engine(), &fresh, BaseSource::Mirror)?);
    let start = Instant::now();
    let vps = VpsRequest::new(&fresh).start(env).await?;
    let elapsed = start.elapsed();
    vps.close().await?;
    images.remove();
    Ok(elapsed)
}

async fn by_hand(env: &TestEnv, system: &System, images: &Images) -> anyhow::Result<Duration> {
    let (base, image) = (format!("testvps/bench-base:{}", id()), format!("testvps/bench:{}", id()));
    let made_of = Base { reference: base.clone(), source: BaseSource::Mirror, arch: env.engine().arch() };
    let (recipe, context) = (vps_recipe(system, &made_of)?, tempfile::tempdir()?);
    recipe.write(context.path())?;
    images.begin(base.clone());
    let start = Instant::now();
    let mut import = Command::new("sh");
    import.args(["-c", IMPORT, "import", &base]).args(bootstrap(system)?);
    stdout(env.lease(), &mut import).await?;
    let mut build = Command::new("docker");
    build.args(["build", "--quiet", "--force-rm", "--tag", &image]);
    build.args(recipe.args().flat_map(|(name, value)| ["--build-arg".to_owned(), format!("{name}={value}")]));
    stdout(env.lease(), build.arg(context.path())).await?;
    let made_after = start.elapsed();
    let started = Plain::new(env.lease(), image)?.start(Init::Systemd).await;
    images.remove();
    Ok(made_after + started?)
}

/// mmdebstrap's words for the system.
fn bootstrap(system: &System) -> anyhow::Result<Vec<String>> {
    let Some(Mirror::Apt(mirror)) = &system.mirror else { anyhow::bail!("{system} has no archive of the apt family") };
    let suite = mirror.suites.first().context("no suite")?;
    let components = mirror.components.join(" ");
    let mut words = WORDS.map(str::to_owned).to_vec();
    words.extend([format!("--keyring={}", mirror.keyring), suite.clone(), "-".to_owned()]);
    words.extend(mirror.suites.iter().map(|suite| format!("deb {} {suite} {components}", mirror.url)));
    words.extend(mirror.security.iter().map(|it| format!("deb {} {} {components}", it.url, it.suite)));
    Ok(words)
}
