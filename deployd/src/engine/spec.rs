//! What a container of ours is made of.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, NetworkingConfig, RestartPolicy,
    RestartPolicyNameEnum,
};

use super::network::NETWORK;

/// The label that marks what is ours, with the role as its value.
pub(crate) const ROLE: &str = "deployd.role";

/// What a container of ours is for. Only these are ever stopped, removed or counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A version of the project.
    App,
    /// The proxy that owns the public ports.
    Edge,
    /// The daemon itself; made by the bootstrap.
    Daemon,
    /// Where an application is built.
    Build,
    /// What a build keeps for the next one; a volume.
    Cache,
    /// What a build made; an image.
    Image,
}

impl Role {
    /// The value of the label.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Edge => "edge",
            Self::Daemon => "daemon",
            Self::Build => "build",
            Self::Cache => "cache",
            Self::Image => "image",
        }
    }
}

/// Where a container is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// As the machine itself.
    Host,
    /// At this address on the daemon's network.
    At(Ipv4Addr),
}

/// What a container of ours is made of.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// The image it runs.
    pub image: String,
    /// What it is for.
    pub role: Role,
    /// Further labels, without the common prefix.
    pub labels: Vec<(&'static str, String)>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// The command, if it is not the image's.
    pub command: Option<Vec<String>>,
    /// Bind mounts, `outside:inside:z`; an engine that knows no `SELinux` ignores the z.
    pub binds: Vec<String>,
    /// Where it is reached.
    pub network: Network,
    /// Whether the engine starts it again after a crash and after a reboot.
    pub restart: bool,
    /// How many MiB of memory it may use, if that is limited.
    pub memory_mib: Option<u64>,
    /// Whether it can do nothing but open ports and write its mounts.
    pub locked_down: bool,
}

impl ContainerSpec {
    pub(super) fn body(self) -> ContainerCreateBody {
        let mut labels = HashMap::from([(ROLE.to_owned(), self.role.word().to_owned())]);
        labels.extend(self.labels.iter().map(|(name, value)| (format!("deployd.{name}"), value.clone())));
        let locked = self.locked_down;
        let memory = self.memory_mib.and_then(|mib| i64::try_from(mib << 20).ok());
        let host_config = HostConfig {
            binds: Some(self.binds),
            restart_policy: Some(restart_policy(self.restart)),
            network_mode: Some(match self.network {
                Network::Host => "host".into(),
                Network::At(_) => NETWORK.into(),
            }),
            memory,
            // none of it on the disk: an application that swaps is slow instead of ended, and nobody is told
            memory_swap: memory,
            cap_drop: locked.then(|| vec!["ALL".into()]),
            cap_add: locked.then(|| vec!["NET_BIND_SERVICE".into()]),
            readonly_rootfs: Some(locked),
            security_opt: locked.then(|| vec!["no-new-privileges".into()]),
            ..HostConfig::default()
        };
        ContainerCreateBody {
            image: Some(self.image),
            labels: Some(labels),
            env: Some(self.env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
            cmd: self.command,
            host_config: Some(host_config),
            networking_config: endpoint(self.network),
            ..ContainerCreateBody::default()
        }
    }
}

/// `always` and not `unless-stopped`: an engine that was killed stops, at its next start, what it finds running, takes
/// that for a stop by hand, and would leave it at that.
pub(super) fn restart_policy(restart: bool) -> RestartPolicy {
    let name = if restart { RestartPolicyNameEnum::ALWAYS } else { RestartPolicyNameEnum::NO };
    RestartPolicy { name: Some(name), maximum_retry_count: None }
}

fn endpoint(network: Network) -> Option<NetworkingConfig> {
    let Network::At(address) = network else { return None };
    let ipam = EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() };
    let settings = EndpointSettings { ipam_config: Some(ipam), ..EndpointSettings::default() };
    Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(NETWORK.to_owned(), settings)])) })
}
