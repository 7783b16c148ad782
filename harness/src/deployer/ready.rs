//! VPSes on which everything that a bootstrap installs is there already, from a snapshot that is made once.

use sha2::{Digest, Sha256};

use super::bootstrap::SCRIPT;
use super::{Deployd, Deployer};
use crate::catalog::System;
use crate::error::Result;
use crate::image::{short_hex, vps_image};
use crate::ssh::Exec;
use crate::testenv::TestEnv;
use crate::vps::{FREEZE, Snapshot, VpsRequest};

/// Takes off whatever belongs to one VPS alone (the daemon's container, its keys and tokens); engine, packages and images
/// stay.
const STRIP: &str = r#"set -eu
for id in $(docker ps -aq --filter label=deployd.role); do docker rm -f -v "$id"; done
for id in $(docker network ls -q --filter label=deployd.role); do docker network rm "$id"; done
rm -rf /var/lib/deployd
"#;
/// Builds what comes on standard input, and names it, so that no prune takes its steps out of the build cache.
const WARM: &str = "DOCKER_BUILDKIT=0 docker build --quiet --tag fixture:";
/// The fixtures whose packages are in the build cache: to install them takes longer than all else in a scenario.
const FIXTURES: [&str; 5] = [
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../projects/dockerfile-web/Dockerfile")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../projects/compose-web-db/db/Dockerfile")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../projects/compose-mariadb/db/Dockerfile")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../projects/compose-mariadb/web/Dockerfile")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../projects/proxy-follows/proxy/Dockerfile")),
];

impl Deployd {
    /// Asks for a VPS of a system with the container engine and the daemon's image on it, and nothing else of the daemon: a
    /// [`bootstrap`](Deployer::bootstrap) makes the rest at once, with keys and secrets of this VPS alone.
    pub async fn ready_vps(&self, env: &TestEnv, system: &System) -> Result<VpsRequest> {
        let request = VpsRequest::new(system).with_arch(self.arch());
        if !env.engine().is_local() {
            // a snapshot is partly a folder of this machine, which another one's engine does not see
            return Ok(request);
        }
        Ok(request.with_snapshot(&self.snapshot(env, system).await?))
    }

    /// The snapshot that such VPSes start from, which is made at the first need.
    pub async fn snapshot(&self, env: &TestEnv, system: &System) -> Result<Snapshot> {
        let sources = env.sources().with_arch(self.arch());
        let base = sources.obtain(env.engine(), env.lease(), system, env.progress()).await?;
        let image = vps_image(env.engine(), env.lease(), system, &base, env.progress()).await?;
        let mut hash = Sha256::new();
        // not the daemon's program: a bootstrap puts another one in its place in a moment
        let parts = [&image, self.parts(), SCRIPT, FREEZE, STRIP, WARM];
        for part in parts.into_iter().chain(FIXTURES.map(without_files)) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let name = format!("{}-{}-{}", system.slug(), self.arch(), short_hex(&hash.finalize()));
        Snapshot::obtain(env, &name, async || self.freeze_ready(env, system, &name).await).await
    }

    async fn freeze_ready(&self, env: &TestEnv, system: &System, name: &str) -> Result<Snapshot> {
        env.progress()(&format!("{system}: bootstrap once, for the snapshot {name}"));
        let vps = VpsRequest::new(system).with_arch(self.arch()).start(env).await?;
        let frozen = async {
            self.bootstrap(&vps, &[], &|line| tracing::debug!("{line}")).await?;
            let ssh = vps.ssh().await?;
            ssh.run_with("sh -s", Exec::new().stdin(STRIP.as_bytes())).await?;
            for (number, dockerfile) in FIXTURES.map(without_files).into_iter().enumerate() {
                ssh.run_with(&format!("{WARM}{number} -"), Exec::new().stdin(dockerfile.as_bytes())).await?;
            }
            vps.snapshot_for_all(env, name).await
        };
        let frozen = frozen.await;
        vps.close().await?;
        frozen
    }
}

/// The steps of a Dockerfile that come before its own files.
fn without_files(dockerfile: &'static str) -> &'static str {
    dockerfile.split("\nCOPY ").next().unwrap_or_default()
}
