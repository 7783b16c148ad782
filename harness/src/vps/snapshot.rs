//! Snapshots: a VPS frozen into an image and a folder of the host, from which others start with an identity of their own.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::{Future, pending};
use std::path::{Path, PathBuf};

use crate::Engine;
use crate::catalog::Arch;
use crate::engine::{ContainerSpec, SharedFolder};
use crate::error::{Error, Failure, Result};
use crate::lease::{COMMAND, EXPIRES, FOLDER, MachineDir, NAME, ROLE, RUN, STATE, SYSTEM, WORKSPACE};
use crate::ssh::Exec;
use crate::testenv::TestEnv;
use crate::vps::snapshots::{own_key, snapshot_name};
use crate::vps::{CAPABILITIES, Vps};

/// Brings the engine of a VPS to rest, and copies what it keeps.
pub(crate) const FREEZE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vps-images/vps-freeze"));
/// The repository of the snapshots' images on the engine.
pub const SNAPSHOT_REPOSITORY: &str = "testvps/snapshot";
/// What a snapshot's image is for, in its label.
const SNAPSHOT: &str = "snapshot";
/// Where vps-freeze writes the copy, and where a VPS that starts from it has it.
const FROZEN: &str = "/var/lib/testvps/frozen";
const MOUNTED: &str = "/var/lib/testvps/engine";

/// A frozen VPS: an image of its root disk, and a folder of the host with what its container engine keeps. A folder and
/// not a volume: nothing of it is left on the engine, and what the engine forgets can be made again.
///
/// ```no_run
/// # async fn example(env: &harness::TestEnv, vps: harness::Vps) -> harness::Result<()> {
/// vps.ssh().await?.run("apt-get update && apt-get install --yes nginx").await?;
/// let snapshot = vps.snapshot(env, "with-nginx").await?;
/// let another = env.vps("debian", "12")?.with_snapshot(&snapshot).start(env).await?;
/// another.ssh().await?.run("nginx -v").await?;
/// another.close().await
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) folder: PathBuf,
    pub(super) system: String,
    /// the state folder of the workspace whose it is; nothing if it is everybody's
    pub(super) workspace: String,
}

impl Snapshot {
    /// The snapshot of this name that all workspaces of this machine share, if the engine has it whole.
    async fn find(env: &TestEnv, name: &str) -> Result<Option<Self>> {
        let image = reference(name);
        let Some((_, labels)) = env.engine().image(&image).await? else { return Ok(None) };
        Ok(Self::of_image(name, image, labels))
    }

    /// The snapshot that an image is of. An image without its folder is what somebody's pruning left.
    pub(super) fn of_image(name: &str, image: String, mut labels: HashMap<String, String>) -> Option<Self> {
        let mut label = |name: &str| labels.remove(name).unwrap_or_default();
        let (folder, system, workspace) = (PathBuf::from(label(FOLDER)), label(SYSTEM), label(WORKSPACE));
        folder.is_dir().then(|| Self { name: name.to_owned(), image, folder, system, workspace })
    }

    /// The snapshot of this name that all workspaces of this machine share, made by `make` unless it is there; of several
    /// processes one makes it.
    pub(crate) async fn obtain(
        env: &TestEnv,
        name: &str,
        make: impl AsyncFnOnce() -> Result<Self> + Send,
    ) -> Result<Self> {
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

    /// `debian 12 on amd64`: what the frozen VPS was.
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
    /// Freezes it under a name of the workspace's own, in place of an earlier snapshot of that name. Its engine is stopped for
    /// the time of the copy, and with it what runs there; the VPS goes on living. An error if the name is none (see
    /// [`snapshot_name`](super::snapshot_name)), if the VPS is off, or if the engine is on another machine: a snapshot is
    /// partly a folder of this one.
    pub async fn snapshot(&self, env: &TestEnv, name: &str) -> Result<Snapshot> {
        self.snapshot_unless(env, name, pending::<Error>()).await
    }

    /// The same, unless `stop` comes first, which is then the error: the engine of the VPS runs again, and nothing is left of
    /// the copy. From the moment on that the disk is kept, nothing stops it.
    pub async fn snapshot_unless<E: From<Error>>(
        &self,
        env: &TestEnv,
        name: &str,
        stop: impl Future<Output = E>,
    ) -> Result<Snapshot, E> {
        snapshot_name(name).map_err(|why| Error::Name(Failure::new(self.subject(), "freeze it").saw(why)))?;
        self.check_running("freeze it").await?;
        let workspace = env.workspace();
        let snapshot = self.unmade(env, name, &own_key(workspace, name), workspace.dir().display().to_string())?;
        self.freeze_as(env, snapshot, stop).await
    }

    /// The same under a name that all workspaces of this machine share.
    pub(crate) async fn snapshot_for_all(&self, env: &TestEnv, name: &str) -> Result<Snapshot> {
        let snapshot = self.unmade(env, name, name, String::new())?;
        self.freeze_as(env, snapshot, pending::<Error>()).await
    }

    /// What its snapshot will be, with its folder.
    fn unmade(&self, env: &TestEnv, name: &str, key: &str, workspace: String) -> Result<Snapshot> {
        if self.info().disk_container_id.is_some() {
            let failure = Failure::new(self.subject(), "freeze it");
            let seen = "its disk has a size of its own, of which the engine keeps no image";
            return Err(Error::Name(
                failure.saw(seen).hint("start it without --disk; what starts from it may have one"),
            ));
        }
        if !env.engine().is_local() {
            let failure = Failure::new(self.subject(), "freeze it").saw("its engine is on another machine");
            return Err(Error::Machine(
                failure.hint("what its engine keeps would be a folder of this one; run this there"),
            ));
        }
        let folder = env.lease().machine().snapshots().join(format!("{key}-{:08x}", rand::random::<u32>()));
        make(&folder)?;
        let info = self.info();
        let system = frozen_system(format_args!("{} {}", info.os, info.version), info.arch);
        Ok(Snapshot { name: name.to_owned(), image: reference(key), folder, system, workspace })
    }

    async fn freeze_as<E: From<Error>>(
        &self,
        env: &TestEnv,
        snapshot: Snapshot,
        stop: impl Future<Output = E>,
    ) -> Result<Snapshot, E> {
        let writer = format!("testvps-freeze-{:08x}", rand::random::<u32>());
        let copy = async {
            self.freeze("stop").await?;
            self.copy_engine(env, &snapshot, &writer).await
        };
        let copied = tokio::select! {
            copied = copy => copied.map_err(E::from),
            why = stop => Err(why),
        };
        let frozen = match copied {
            Ok(()) => self.keep_disk(env, &snapshot).await.map_err(E::from),
            Err(error) => Err(error),
        };
        let started = self.freeze("start").await;
        if frozen.is_err() {
            // as long as it is there it writes
            env.engine().remove_container(&writer).await?;
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

    /// Copies the engine's data, by a container of this name.
    async fn copy_engine(&self, env: &TestEnv, snapshot: &Snapshot, writer: &str) -> Result<()> {
        let (engine, container) = (env.engine(), &self.info().container_id);
        let frozen = SharedFolder { path: snapshot.folder.clone(), target: FROZEN, read_only: false };
        let copy = ContainerSpec {
            name: writer.to_owned(),
            image: engine.container_image(container).await?,
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
        engine.run_to_end(copy).await.map(|_| ())
    }

    /// Keeps the root disk, after the copy: where there is an image, the folder is whole.
    async fn keep_disk(&self, env: &TestEnv, snapshot: &Snapshot) -> Result<()> {
        let (engine, container) = (env.engine(), &self.info().container_id);
        let earlier = engine.image(&snapshot.image).await?.and_then(|(_, mut labels)| labels.remove(FOLDER));
        engine.commit(container, &snapshot.image, image_labels(snapshot), vec!["VPS_IDENTITY=".to_owned()]).await?;
        // a VPS that was started from the earlier one still needs it: then `images prune` removes it later
        match earlier.filter(|folder| !folder.is_empty()) {
            Some(folder) if !engine.has_mounted(&folder).await? => remove(Path::new(&folder)),
            _ => Ok(()),
        }
    }
}

/// Removes the folders of snapshots that no VPS has and that are none of `kept`; answers their paths.
pub(crate) async fn prune_snapshots(
    engine: &Engine,
    machine: &MachineDir,
    kept: &HashSet<PathBuf>,
) -> Result<Vec<PathBuf>> {
    let Ok(folders) = std::fs::read_dir(machine.snapshots()) else { return Ok(Vec::new()) };
    let mut removed = Vec::new();
    for folder in folders.flatten().map(|entry| entry.path()) {
        if !kept.contains(&folder) && !engine.has_mounted(&folder.display().to_string()).await? {
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
pub(super) fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let failure = Failure::new(folder.display().to_string(), "remove the folder").saw(error);
            Err(Error::File(failure.hint(format!("sudo rm -r {}", folder.display()))))
        }
        _ => Ok(()),
    }
}

pub(super) fn reference(name: &str) -> String {
    format!("{SNAPSHOT_REPOSITORY}:{name}")
}

/// The image's own labels, and nothing in place of those that made the frozen container somebody's.
fn image_labels(snapshot: &Snapshot) -> HashMap<String, String> {
    let none = [COMMAND, EXPIRES, RUN, STATE].map(|label| (label.to_owned(), String::new()));
    let folder = snapshot.folder.display().to_string();
    let own = [
        (ROLE, SNAPSHOT),
        (FOLDER, &folder),
        (SYSTEM, &snapshot.system),
        (NAME, &snapshot.name),
        (WORKSPACE, &snapshot.workspace),
    ];
    none.into_iter().chain(own.map(|(label, value)| (label.to_owned(), value.to_owned()))).collect()
}

/// What a snapshot is of, in its label.
pub(super) fn frozen_system(system: impl fmt::Display, arch: Arch) -> String {
    format!("{system} on {arch}")
}

/// Refuses a snapshot of another system than the one that is asked for.
pub(super) fn check_system(snapshot: &Snapshot, wanted: &str) -> Result<()> {
    if snapshot.system == wanted {
        return Ok(());
    }
    let failure = Failure::new(wanted, format!("start it from the snapshot {}", snapshot.name));
    Err(Error::Name(failure.saw(format!("that was a {}", snapshot.system))))
}
