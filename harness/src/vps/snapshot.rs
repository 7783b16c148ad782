//! Snapshots: a VPS frozen into an image and a volume, from which others start with an identity of their own.

use std::collections::HashMap;

use crate::Engine;
use crate::engine::{ContainerSpec, SharedVolume};
use crate::error::{Error, Failure, Result};
use crate::image::REPOSITORY;
use crate::lease::{EXPIRES, NAME, OURS, ROLE, RUN, STATE, SYSTEM, VOLUME, WORKSPACE, host_id};
use crate::ssh::Exec;
use crate::testenv::TestEnv;
use crate::vps::{CAPABILITIES, Vps};

/// Brings the engine of a VPS to rest, and copies what it keeps.
pub(crate) const FREEZE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vps-images/vps-freeze"));
/// What a snapshot's volume is for, in its label.
const SNAPSHOT: &str = "snapshot";
/// Where vps-freeze writes the copy, and where a VPS that starts from it has it.
const FROZEN: &str = "/var/lib/testvps/frozen";
const MOUNTED: &str = "/var/lib/testvps/engine";

/// A frozen VPS: an image of its root disk, and a volume with what its container engine keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    name: String,
    image: String,
    volume: String,
    system: String,
}

impl Snapshot {
    /// The snapshot of this name, if the engine has it whole.
    pub async fn find(env: &TestEnv, name: &str) -> Result<Option<Self>> {
        let image = reference(name);
        let Some((_, mut labels)) = env.engine().image(&image).await? else { return Ok(None) };
        let (volume, system) = (labels.remove(VOLUME).unwrap_or_default(), labels.remove(SYSTEM).unwrap_or_default());
        // an image without its volume is what somebody's pruning left
        let whole = !volume.is_empty() && env.engine().has_volume(&volume).await?;
        Ok(whole.then(|| Self { name: name.to_owned(), image, volume, system }))
    }

    /// The snapshot of this name, made by `make` unless it is there; of several processes one makes it.
    pub async fn obtain(env: &TestEnv, name: &str, make: impl AsyncFnOnce() -> Result<Self> + Send) -> Result<Self> {
        if let Some(snapshot) = Self::find(env, name).await? {
            return Ok(snapshot);
        }
        let _making = env.lease().machine().lock(&format!("snapshot-{name}")).await?;
        match Self::find(env, name).await? {
            Some(snapshot) => Ok(snapshot),
            None => make().await,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `debian 12`: what the frozen VPS was.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The image of its root disk.
    pub(super) fn image(&self) -> &str {
        &self.image
    }

    /// What a VPS that starts from it mounts: `vps-init` takes the engine's data from there.
    pub(super) fn mount(&self) -> SharedVolume {
        SharedVolume { name: self.volume.clone(), target: MOUNTED.to_owned(), read_only: true }
    }
}

impl Vps {
    /// Freezes it under a name, in place of an earlier snapshot of that name. Its engine is stopped for the time of the
    /// copy, and with it what runs there; the VPS goes on living.
    pub async fn snapshot(&self, env: &TestEnv, name: &str) -> Result<Snapshot> {
        let volume = format!("testvps-{SNAPSHOT}-{name}-{:08x}", rand::random::<u32>());
        let labels = [(OURS.to_owned(), host_id()), (ROLE.to_owned(), SNAPSHOT.to_owned())];
        env.engine().create_volume(&volume, labels.into()).await?;
        let system = format!("{} {}", self.info().os, self.info().version);
        let snapshot = Snapshot { name: name.to_owned(), image: reference(name), volume, system };
        self.freeze("stop").await?;
        let frozen = self.freeze_into(env, &snapshot).await;
        let started = self.freeze("start").await;
        if frozen.is_err() {
            env.engine().remove_volume(&snapshot.volume).await?;
        }
        frozen?;
        started?;
        Ok(snapshot)
    }

    async fn freeze(&self, word: &str) -> Result<()> {
        let script = Exec::new().stdin(FREEZE.as_bytes());
        self.ssh().await?.run_with(&format!("sh -s -- {word}"), script).await.map(|_| ())
    }

    /// Copies the engine's data, then keeps the root disk: where there is an image, the volume is whole.
    async fn freeze_into(&self, env: &TestEnv, snapshot: &Snapshot) -> Result<()> {
        let (engine, container) = (env.engine(), self.info().container_id.clone());
        let earlier = engine.image(&snapshot.image).await?.and_then(|(_, mut labels)| labels.remove(VOLUME));
        let frozen = SharedVolume { name: snapshot.volume.clone(), target: FROZEN.to_owned(), read_only: false };
        let copy = ContainerSpec {
            name: format!("testvps-freeze-{:08x}", rand::random::<u32>()),
            image: engine.container_image(&container).await?,
            labels: env.lease().labels("freeze"),
            entrypoint: ["/bin/sh", "-c", FREEZE, "vps-freeze"].map(str::to_owned).to_vec(),
            cmd: vec!["copy".to_owned()],
            // overlay file systems mark what is deleted with device nodes and attributes of their own
            capabilities: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            machine: true,
            shared: vec![frozen],
            volumes_from: Some(container.clone()),
            ..ContainerSpec::default()
        };
        engine.run_to_end(copy).await?;
        engine.commit(&container, &snapshot.image, image_labels(snapshot), vec!["VPS_IDENTITY=".to_owned()]).await?;
        if let Some(volume) = earlier.filter(|volume| !volume.is_empty()) {
            // a VPS that was started from the earlier one still needs it: then `images prune` removes it later
            if let Err(error) = engine.remove_volume(&volume).await {
                tracing::debug!("{error}");
            }
        }
        Ok(())
    }
}

/// Removes the volumes of all snapshots that no VPS has; answers their names.
pub async fn prune_snapshots(engine: &Engine) -> Result<Vec<String>> {
    let volumes = engine.volumes(&format!("{ROLE}={SNAPSHOT}")).await?;
    for volume in &volumes {
        engine.remove_volume(volume).await?;
    }
    Ok(volumes)
}

fn reference(name: &str) -> String {
    format!("{REPOSITORY}/{SNAPSHOT}:{name}")
}

/// The image's own labels, and nothing in place of those that made the frozen container somebody's.
fn image_labels(snapshot: &Snapshot) -> HashMap<String, String> {
    let none = [EXPIRES, NAME, RUN, STATE, WORKSPACE].map(|label| (label.to_owned(), String::new()));
    let own = [(ROLE, SNAPSHOT), (VOLUME, &snapshot.volume), (SYSTEM, &snapshot.system)];
    none.into_iter().chain(own.map(|(label, value)| (label.to_owned(), value.to_owned()))).collect()
}

/// Refuses a snapshot of another system than the one that is asked for.
pub(super) fn check_system(snapshot: &Snapshot, wanted: &str) -> Result<()> {
    if snapshot.system == wanted {
        return Ok(());
    }
    let failure = Failure::new(wanted, format!("start it from the snapshot {}", snapshot.name));
    Err(Error::Name(failure.saw(format!("that was a {}", snapshot.system))))
}
