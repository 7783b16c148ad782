//! Containers of the engine: creating them from our own description, finding, stopping and removing them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use bollard::models::{
    ContainerCreateBody, ContainerSummary, EndpointIpamConfig, EndpointSettings, HostConfig,
    HostConfigCgroupnsModeEnum, Mount, MountType, MountVolumeOptions, MountVolumeOptionsDriverConfig, NetworkingConfig,
    PortBinding, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, WaitContainerOptions,
};
use futures_util::{Stream, StreamExt, TryStreamExt};

use super::Engine;
use super::connect::status;
use crate::error::{Error, Failure, Result};

/// A container as this crate describes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub hostname: Option<String>,
    pub labels: HashMap<String, String>,
    pub env: Vec<String>,
    /// In place of the image's own.
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub user: Option<String>,
    /// The only capabilities it has; without it the engine's default set.
    pub capabilities: Option<Vec<String>>,
    /// System calls and profiles unconfined, a cgroup name space of its own: what an init system needs.
    pub machine: bool,
    pub tmpfs: HashMap<String, String>,
    /// Volumes without a name, which go when the container goes.
    pub volumes: Vec<String>,
    /// A block device with a file system that the engine mounts.
    pub disk: Option<Disk>,
    /// The block devices that it may make and open, as cgroups write them. Never those of a VPS.
    pub device_rules: Vec<String>,
    /// Folders of the host.
    pub shared: Vec<SharedFolder>,
    /// Another container, whose volumes it has, too.
    pub volumes_from: Option<String>,
    /// `HOST_FOLDER:PATH`
    pub binds: Vec<String>,
    pub ports: Vec<Publish>,
    pub network: Option<Attach>,
    /// In place of a network: `none`, or `container:ID` for that container's.
    pub network_mode: Option<String>,
    pub dns: Vec<Ipv4Addr>,
    /// Domains in which a name without a dot is looked up first.
    pub search: Vec<String>,
    pub restarts: Restarts,
    /// A small init of the engine's reaps orphans.
    pub init: bool,
    pub stop_signal: Option<String>,
    pub memory_bytes: Option<i64>,
    pub nano_cpus: Option<i64>,
    /// The processors it runs on, as in `0,3`.
    pub cpuset: Option<String>,
}

/// A block device of the engine's machine with an ext4 file system, and where a container has it.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub device: String,
    pub target: &'static str,
}

impl From<&Disk> for Mount {
    fn from(disk: &Disk) -> Self {
        let options = HashMap::from([
            ("type".to_owned(), "ext4".to_owned()),
            ("device".to_owned(), disk.device.clone()),
            // tables of a large disk that were never used are not written
            ("o".to_owned(), "noinit_itable".to_owned()),
        ]);
        let driver = MountVolumeOptionsDriverConfig { name: Some("local".to_owned()), options: Some(options) };
        Self {
            target: Some(disk.target.to_owned()),
            typ: Some(MountType::VOLUME),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                driver_config: Some(driver),
                ..MountVolumeOptions::default()
            }),
            ..Self::default()
        }
    }
}

/// What brings a container back after its PID 1 has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Restarts {
    /// Nothing.
    #[default]
    Never,
    /// The engine, also after its own restart, unless somebody stopped it.
    UnlessStopped,
    /// The same, but only if PID 1 ended with another status than 0.
    AfterFailure,
}

/// A port of a container on an address of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Publish {
    pub host_address: IpAddr,
    pub host: u16,
    pub container: u16,
}

/// A folder of the host, at a place in a container.
#[derive(Debug, Clone)]
pub(crate) struct SharedFolder {
    pub path: PathBuf,
    pub target: &'static str,
    pub read_only: bool,
}

/// A place in a network.
#[derive(Debug, Clone)]
pub(crate) struct Attach {
    pub network: String,
    pub address: Option<Ipv4Addr>,
    pub aliases: Vec<String>,
}

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Its PID 1 runs.
    Running,
    /// It is between two runs.
    Restarting,
    /// It was made and never started.
    Created,
    /// It is held.
    Paused,
    /// Its PID 1 ended.
    Stopped,
}

/// A container that a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The engine's id of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: HashMap<String, String>,
    /// Where it is in its life.
    pub state: ContainerState,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

/// A piece of what a container wrote.
#[derive(Debug, Clone)]
pub struct LogLine(pub String);

impl From<ContainerSpec> for ContainerCreateBody {
    fn from(spec: ContainerSpec) -> Self {
        let host = host_config(&spec);
        let endpoint = |attach: Attach| {
            let settings = EndpointSettings {
                aliases: Some(attach.aliases),
                ipam_config: attach
                    .address
                    .map(|ip| EndpointIpamConfig { ipv4_address: Some(ip.to_string()), ..Default::default() }),
                ..EndpointSettings::default()
            };
            NetworkingConfig { endpoints_config: Some(HashMap::from([(attach.network, settings)])) }
        };
        Self {
            image: Some(spec.image),
            hostname: spec.hostname,
            labels: Some(spec.labels),
            env: Some(spec.env),
            entrypoint: (!spec.entrypoint.is_empty()).then_some(spec.entrypoint),
            cmd: (!spec.cmd.is_empty()).then_some(spec.cmd),
            user: spec.user,
            stop_signal: spec.stop_signal,
            exposed_ports: Some(spec.ports.iter().map(|port| format!("{}/tcp", port.container)).collect()),
            networking_config: spec.network.map(endpoint),
            host_config: Some(host),
            ..Self::default()
        }
    }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let volume = |path: &String| Mount { target: Some(path.clone()), typ: Some(MountType::VOLUME), ..Mount::default() };
    let shared = |folder: &SharedFolder| Mount {
        source: Some(folder.path.display().to_string()),
        target: Some(folder.target.to_owned()),
        read_only: Some(folder.read_only),
        typ: Some(MountType::BIND),
        ..Mount::default()
    };
    let mut ports: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &spec.ports {
        let binding =
            PortBinding { host_ip: Some(port.host_address.to_string()), host_port: Some(port.host.to_string()) };
        ports.entry(format!("{}/tcp", port.container)).or_default().get_or_insert_default().push(binding);
    }
    HostConfig {
        cap_drop: spec.capabilities.as_ref().map(|_| vec!["ALL".to_owned()]),
        cap_add: spec.capabilities.clone(),
        security_opt: spec.machine.then(|| vec!["seccomp=unconfined".to_owned(), "apparmor=unconfined".to_owned()]),
        cgroupns_mode: spec.machine.then_some(HostConfigCgroupnsModeEnum::PRIVATE),
        tmpfs: Some(spec.tmpfs.clone()),
        mounts: Some({
            let volumes = spec.volumes.iter().map(volume).chain(spec.shared.iter().map(shared));
            volumes.chain(spec.disk.iter().map(Mount::from)).collect()
        }),
        device_cgroup_rules: (!spec.device_rules.is_empty()).then(|| spec.device_rules.clone()),
        volumes_from: spec.volumes_from.clone().map(|container| vec![container]),
        binds: Some(spec.binds.clone()),
        port_bindings: Some(ports),
        network_mode: spec.network_mode.clone().or(spec.network.as_ref().map(|attach| attach.network.clone())),
        dns: (!spec.dns.is_empty()).then(|| spec.dns.iter().map(ToString::to_string).collect()),
        dns_search: (!spec.search.is_empty()).then(|| spec.search.clone()),
        restart_policy: restart_policy(spec.restarts),
        init: spec.init.then_some(true),
        memory: spec.memory_bytes,
        // without swap: a limit that a system can swap past is not the one that was asked for
        memory_swap: spec.memory_bytes,
        nano_cpus: spec.nano_cpus,
        cpuset_cpus: spec.cpuset.clone(),
        ..HostConfig::default()
    }
}

fn restart_policy(restarts: Restarts) -> Option<RestartPolicy> {
    let name = match restarts {
        Restarts::Never => return None,
        Restarts::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
        Restarts::AfterFailure => RestartPolicyNameEnum::ON_FAILURE,
    };
    Some(RestartPolicy { name: Some(name), maximum_retry_count: None })
}

impl Engine {
    /// Makes a container without starting it; answers its id.
    pub(crate) async fn create(&self, spec: ContainerSpec) -> Result<String> {
        let name = spec.name.clone();
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let created = self.docker.create_container(Some(options), ContainerCreateBody::from(spec)).await;
        created.map(|created| created.id).map_err(|error| self.error(format!("create container {name}"), error))
    }

    pub(crate) async fn start(&self, container: &str) -> Result<()> {
        let started = self.docker.start_container(container, None).await;
        started.map_err(|error| self.error(format!("start container {container}"), error))
    }

    /// Runs a container to its end and removes it; answers what it wrote, which is the error if its exit status was not 0.
    pub(crate) async fn run_to_end(&self, spec: ContainerSpec) -> Result<String> {
        let what = format!("run {}", spec.name);
        let id = self.create(spec).await?;
        let ended = async {
            self.start(&id).await?;
            let ended =
                self.docker.wait_container(&id, None::<WaitContainerOptions>).try_for_each(async |_| Ok(())).await;
            let said: Vec<String> =
                self.container_logs(&id, false).filter_map(async |it| it.ok().map(|it| it.0)).collect().await;
            let said = said.concat();
            match ended {
                Ok(()) => Ok(said),
                Err(error) => {
                    Err(Error::Engine(Failure::new("container engine", what).saw(format!("{said}\n{error}"))))
                }
            }
        };
        let ended = ended.await;
        self.remove_container(&id).await?;
        ended
    }

    /// The containers with all of these labels (`key` or `key=value`), running or not.
    pub async fn containers(&self, labels: &[&str]) -> Result<Vec<Found>> {
        let filters = HashMap::from([("label", labels.to_vec())]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        Ok(self.list(options).await?.into_iter().filter_map(found).collect())
    }

    async fn list(&self, options: ListContainersOptions) -> Result<Vec<ContainerSummary>> {
        let list = self.docker.list_containers(Some(options)).await;
        list.map_err(|error| self.error("list containers", error))
    }

    /// Whether a container, running or not, has this folder of the host.
    pub(crate) async fn has_mounted(&self, folder: &str) -> Result<bool> {
        let list = self.list(ListContainersOptionsBuilder::default().all(true).build()).await?;
        let mut mounts = list.into_iter().flat_map(|container| container.mounts.unwrap_or_default());
        Ok(mounts.any(|mount| mount.source.as_deref() == Some(folder)))
    }

    /// All mock VPSes on the engine, of whatever workspace.
    pub async fn vps_containers(&self) -> Result<Vec<Found>> {
        self.containers(&[&format!("{}=vps", crate::lease::ROLE)]).await
    }

    /// Whether a container is there and where it is in its life.
    pub async fn container_state(&self, container: &str) -> Result<Option<ContainerState>> {
        match self.docker.inspect_container(container, None).await {
            Ok(it) => Ok(it.state.and_then(|state| state.status).map(|status| parse_state(status.as_ref()))),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.error(format!("inspect container {container}"), error)),
        }
    }

    /// The image that a container was made of.
    pub(crate) async fn container_image(&self, container: &str) -> Result<String> {
        let it = self.docker.inspect_container(container, None).await;
        let it = it.map_err(|error| self.error(format!("inspect container {container}"), error))?;
        Ok(it.image.unwrap_or_default())
    }

    /// The port of 127.0.0.1 on which a running container's port is published.
    pub(crate) async fn published_port(&self, container: &str, port: u16) -> Result<Option<u16>> {
        let it = self.docker.inspect_container(container, None).await;
        let it = it.map_err(|error| self.error(format!("inspect container {container}"), error))?;
        let ports = it.network_settings.and_then(|settings| settings.ports).unwrap_or_default();
        let bindings = ports.get(&format!("{port}/tcp")).cloned().flatten().unwrap_or_default();
        Ok(bindings.iter().find_map(|binding| binding.host_port.as_ref()?.parse().ok()))
    }

    /// Removes a container with the volumes that have no name; one that is gone already is fine.
    pub async fn remove_container(&self, container: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.docker.remove_container(container, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            // somebody else is removing it at this moment, which is what was wanted
            Err(error) if status(&error) == Some(409) => Ok(()),
            Err(error) => Err(self.error(format!("remove container {container}"), error)),
        }
    }

    /// What a container wrote to its standard output and error.
    pub fn container_logs(&self, container: &str, follow: bool) -> impl Stream<Item = Result<LogLine>> + Send + '_ {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).follow(follow).build();
        let name = container.to_owned();
        self.docker.logs(container, Some(options)).map(move |chunk| {
            chunk
                .map(|chunk| LogLine(String::from_utf8_lossy(&chunk.into_bytes()).into_owned()))
                .map_err(|error| self.error(format!("read the log of {name}"), error))
        })
    }
}

fn found(it: bollard::models::ContainerSummary) -> Option<Found> {
    Some(Found {
        id: it.id?,
        name: it.names?.first()?.trim_start_matches('/').to_owned(),
        labels: it.labels.unwrap_or_default(),
        created: it.created.unwrap_or_default(),
        state: parse_state(&it.state.map(|state| state.to_string()).unwrap_or_default()),
    })
}

fn parse_state(word: &str) -> ContainerState {
    match word {
        "running" => ContainerState::Running,
        "restarting" => ContainerState::Restarting,
        "created" => ContainerState::Created,
        "paused" => ContainerState::Paused,
        _ => ContainerState::Stopped,
    }
}
