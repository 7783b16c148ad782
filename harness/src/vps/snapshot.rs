//! Snapshots: a VPS frozen into an image and a folder of the host, from which others start with an identity of their own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::Engine;
use crate::engine::{ContainerSpec, SharedFolder};
use crate::error::{Error, Failure, Result};
use crate::image::REPOSITORY;
use crate::lease::{EXPIRES, FOLDER, MachineDir, NAME, ROLE, RUN, STATE, SYSTEM, WORKSPACE};
use crate::ssh::Exec;
use crate::testenv::TestEnv;
use crate::vps::{CAPABILITIES, Vps};

/// Brings the engine of a VPS to rest, and copies what it keeps.
pub(crate) const FREEZE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vps-images/vps-freeze"));
/// What a snapshot's image is for, in its label.
const SNAPSHOT: &str = "snapshot";
/// Where vps-freeze writes the copy, and where a VPS that starts from it has it.
const FROZEN: &str = "/var/lib/testvps/frozen";
const MOUNTED: &str = "/var/lib/testvps/engine";

/// A frozen VPS: an image of its root disk, and a folder of the host with what its container engine keeps. A folder and
/// not a volume: nothing of it is left on the engine, and what the engine forgets can be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    name: String,
    image: String,
    folder: PathBuf,
    system: String,
}

impl Snapshot {
    /// The snapshot of this name, if the engine has it whole.
    pub async fn find(env: &TestEnv, name: &str) -> Result<Option<Self>> {
        let image = reference(name);
        let Some((_, mut labels)) = env.engine().image(&image).await? else { return Ok(None) };
        let folder = PathBuf::from(labels.remove(FOLDER).unwrap_or_default());
        let system = labels.remove(SYSTEM).unwrap_or_default();
        // an image without its folder is what somebody's pruning left
        Ok(folder.is_dir().then(|| Self { name: name.to_owned(), image, folder, system }))
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
    pub(super) fn mount(&self) -> SharedFolder {
        SharedFolder { path: self.folder.clone(), target: MOUNTED, read_only: true }
    }
}

impl Vps {
    /// Freezes it under a name, in place of an earlier snapshot of that name. Its engine is stopped for the time of the
    /// copy, and with it what runs there; the VPS goes on living.
    pub async fn snapshot(&self, env: &TestEnv, name: &str) -> Result<Snapshot> {
        let folder = env.lease().machine().snapshots().join(format!("{name}-{:08x}", rand::random::<u32>()));
        make(&folder)?;
        let system = format!("{} {}", self.info().os, self.info().version);
        let snapshot = Snapshot { name: name.to_owned(), image: reference(name), folder, system };
        self.freeze("stop").await?;
        let frozen = self.freeze_into(env, &snapshot).await;
        let started = self.freeze("start").await;
        if frozen.is_err() {
            remove(&snapshot.folder)?;
        }
        frozen?;
        started?;
        Ok(snapshot)
    }

    async fn freeze(&self, word: &str) -> Result<()> {
        let script = Exec::new().stdin(FREEZE.as_bytes());
        self.ssh().await?.run_with(&format!("sh -s -- {word}"), script).await.map(|_| ())
    }

    /// Copies the engine's data, then keeps the root disk: where there is an image, the folder is whole.
    async fn freeze_into(&self, env: &TestEnv, snapshot: &Snapshot) -> Result<()> {
        let (engine, container) = (env.engine(), self.info().container_id.clone());
        let earlier = engine.image(&snapshot.image).await?.and_then(|(_, mut labels)| labels.remove(FOLDER));
        let frozen = SharedFolder { path: snapshot.folder.clone(), target: FROZEN, read_only: false };
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
        // a VPS that was started from the earlier one still needs it: then `images prune` removes it later
        match earlier.filter(|folder| !folder.is_empty()) {
            Some(folder) if !engine.has_mounted(&folder).await? => remove(Path::new(&folder)),
            _ => Ok(()),
        }
    }
}

/// Removes the folders of all snapshots that no VPS has; answers their paths.
pub async fn prune_snapshots(engine: &Engine, machine: &MachineDir) -> Result<Vec<PathBuf>> {
    let Ok(folders) = std::fs::read_dir(machine.snapshots()) else { return Ok(Vec::new()) };
    let mut removed = Vec::new();
    for folder in folders.flatten().map(|entry| entry.path()) {
        if !engine.has_mounted(&folder.display().to_string()).await? {
            remove(&folder)?;
            removed.push(folder);
        }
    }
    Ok(removed)
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Error::File(Failure::new(folder.display().to_string(), "make the folder").saw(error)))
}

/// The engine wrote what is in it, as root.
fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let failure = Failure::new(folder.display().to_string(), "remove the folder").saw(error);
            Err(Error::File(failure.hint(format!("sudo rm -r {}", folder.display()))))
        }
        _ => Ok(()),
    }
}

fn reference(name: &str) -> String {
    format!("{REPOSITORY}/{SNAPSHOT}:{name}")
}

/// The image's own labels, and nothing in place of those that made the frozen container somebody's.
fn image_labels(snapshot: &Snapshot) -> HashMap<String, String> {
    let none = [EXPIRES, NAME, RUN, STATE, WORKSPACE].map(|label| (label.to_owned(), String::new()));
    let folder = snapshot.folder.display().to_string();
    let own = [(ROLE, SNAPSHOT), (FOLDER, &folder), (SYSTEM, &snapshot.system)];
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
