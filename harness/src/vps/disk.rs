//! The disk of a limited size: a container beside the VPS that holds it, for as long as the VPS is there.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;

use crate::engine::{ContainerSpec, ContainerState, Restarts};
use crate::error::{Error, Failure, Result};
use crate::image::{Stock, Tool, tool_image};
use crate::lease::ROLE;
use crate::testenv::TestEnv;
use crate::wait::{Seen, wait_until};

/// Where a VPS has its disk before it becomes the root: `vps-size` knows it, too.
pub(super) const TARGET: &str = "/var/lib/testvps/disk";
/// The block devices that are files, and what hands out free ones.
const LOOP_DEVICES: [&str; 2] = ["b 7:* rwm", "c 10:237 rwm"];
/// How long making a file system may take.
const READY: Duration = Duration::from_mins(1);

/// A disk that the engine can mount, and the container that holds it.
pub(super) struct HeldDisk {
    pub container: String,
    pub device: String,
}

/// The image of what works on VPSes from beside them.
pub(super) async fn sidecar_image(env: &TestEnv, stock: &Stock) -> Result<String> {
    tool_image(env.engine(), env.lease(), Tool::Sidecar, stock.tools_base(), env.progress()).await
}

/// Makes a disk of so many bytes for the VPS whose container has this name and these labels.
pub(super) async fn hold(
    env: &TestEnv,
    stock: &Stock,
    name: &str,
    mut labels: HashMap<String, String>,
    bytes: u64,
) -> Result<HeldDisk> {
    labels.insert(ROLE.to_owned(), "disk".to_owned());
    let engine = env.engine();
    let spec = ContainerSpec {
        name: format!("{name}-disk"),
        image: sidecar_image(env, stock).await?,
        labels,
        cmd: vec!["disk".to_owned(), bytes.to_string()],
        capabilities: Some(["SYS_ADMIN", "MKNOD"].map(str::to_owned).to_vec()),
        machine: true,
        device_rules: LOOP_DEVICES.map(str::to_owned).to_vec(),
        // not in the container's own file system, which may be one of several layers
        volumes: vec!["/disk".to_owned()],
        network_mode: Some("none".to_owned()),
        restarts: Restarts::UnlessStopped,
        ..ContainerSpec::default()
    };
    env.lease().ready().await?;
    let container = engine.create(spec).await?;
    let held = async {
        engine.start(&container).await?;
        device(env, &container).await
    };
    match held.await {
        Ok(device) => Ok(HeldDisk { container, device }),
        Err(error) => {
            engine.remove_container(&container).await?;
            Err(error)
        }
    }
}

/// The device that the container says it holds.
async fn device(env: &TestEnv, container: &str) -> Result<String> {
    let failure = || Failure::new("a disk of a limited size", "make it");
    let found = wait_until(READY, "a disk of a limited size", || async {
        let state = env.engine().container_state(container).await;
        let log: Vec<String> =
            env.engine().container_logs(container, false).filter_map(async |it| it.ok().map(|it| it.0)).collect().await;
        let log = log.concat();
        match log.lines().find(|line| line.starts_with("/dev/loop")) {
            Some(device) => Seen::Ready(Ok(device.to_owned())),
            // it is started anew when it ends
            None if matches!(state, Ok(Some(ContainerState::Running | ContainerState::Created))) => Seen::NotYet(log),
            None => Seen::Ready(Err(log)),
        }
    });
    let found = found.await.map_err(|late| Error::Machine(failure().saw(late)))?;
    found.map_err(|log| {
        let hint =
            "--disk needs an engine whose kernel has loop devices and that may use them; without it, VPSes start";
        Error::Machine(failure().saw(log).hint(hint))
    })
}
