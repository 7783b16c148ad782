//! The network of the versions: their addresses are fixed, so that a route stays true across crashes and reboots.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use bollard::Docker;
use bollard::models::{
    EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest, NetworkInspect,
};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder};

use super::connect::{failed, is_missing, said};
use super::spec::ROLE;
use super::subnet::Subnet;
use super::{Engine, Role};
use crate::error::{Failure, Kind, Result};

/// Its name.
pub(super) const NETWORK: &str = "deployd";
/// The network by which the engine is asked for a free subnet.
const PROBE: &str = "deployd-probe";
/// Its interface. Engines allow a name for several networks, but not an interface: what a daemon that was killed had asked
/// for cannot make a second one.
const BRIDGE: &str = "deployd0";
/// How often making it is tried: someone else may take the same subnet at the same time.
const ATTEMPTS: usize = 5;

impl Engine {
    /// The next free address after one; makes the network if there is none.
    pub async fn free_address(&self, after: Option<Ipv4Addr>) -> Result<Ipv4Addr> {
        let subnet = Box::pin(self.subnet()).await?;
        let containers = self.containers(Role::App).await?;
        let mut used: HashSet<Ipv4Addr> = containers.iter().filter_map(|container| container.address).collect();
        used.extend(self.attached().await?);
        subnet.free(&used, after).ok_or_else(|| {
            Failure::new(Kind::Engine, "find an address for the new version").saw("the network deployd is full")
        })
    }

    /// The addresses of everything that runs on the network, also what others attached to it.
    async fn attached(&self) -> Result<Vec<Ipv4Addr>> {
        let network = inspect(self.docker().await?).await?.unwrap_or_default();
        let addresses = network.containers.unwrap_or_default().into_values().filter_map(|container| {
            let address = container.ipv4_address?;
            address.split('/').next()?.parse().ok()
        });
        Ok(addresses.collect())
    }

    /// Gives a container an address on the network, beside those that it has; it keeps it across restarts.
    pub async fn connect(&self, id: &str, address: Ipv4Addr) -> Result<()> {
        let ipam = EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() };
        let endpoint = EndpointSettings { ipam_config: Some(ipam), ..EndpointSettings::default() };
        let request = NetworkConnectRequest { container: id.to_owned(), endpoint_config: Some(endpoint) };
        let connected = self.docker().await?.connect_network(NETWORK, request).await;
        connected.map_err(failed(format!("connect a container to the network {NETWORK} at {address}")))
    }

    /// Removes the networks of compose projects; ours, and one that something else still uses, stay.
    pub async fn remove_compose_networks(&self) -> Result<()> {
        self.remove_networks(|name| name != NETWORK).await
    }

    async fn remove_networks(&self, is_meant: impl Fn(&str) -> bool) -> Result<()> {
        let filters = HashMap::from([("label", vec![format!("{ROLE}=network")])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let docker = self.docker().await?;
        let networks = docker.list_networks(Some(options)).await.map_err(failed("list the networks"))?;
        for network in networks {
            let (Some(name), Some(id)) = (network.name, network.id) else { continue };
            if !is_meant(&name) {
                continue;
            }
            if let Err(error) = docker.remove_network(&id).await {
                tracing::warn!(name, error = said(&error), "a network stays");
            }
        }
        Ok(())
    }

    async fn subnet(&self) -> Result<Subnet> {
        let docker = self.docker().await?;
        let what = || format!("make the network {NETWORK}");
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            if let Some(network) = inspect(docker).await? {
                if network.labels.as_ref().is_none_or(|labels| !labels.contains_key(ROLE)) {
                    let failure = Failure::new(Kind::Engine, "use the network deployd");
                    let failure = failure.saw("someone else made a network of that name");
                    return Err(failure.hint("remove it: docker network rm deployd"));
                }
                return subnet_of(&network);
            }
            // of a daemon that was killed here
            self.remove_networks(|name| name == PROBE).await?;
            // the engine knows which of its pools is free, but gives fixed addresses only in a subnet that was asked
            // for: so it chooses first, for another network, and is asked for its choice then
            let probe = create(docker, PROBE, None).await.map_err(failed(what()))?;
            let chosen = docker.inspect_network(&probe, None::<InspectNetworkOptions>).await.map_err(failed(what()))?;
            docker.remove_network(&probe).await.map_err(failed(what()))?;
            let subnet = subnet_of(&chosen)?;
            match create(docker, NETWORK, ipv4(&chosen)).await {
                Ok(_) => return Ok(subnet),
                Err(error) => last = said(&error),
            }
        }
        Err(Failure::new(Kind::Engine, what()).saw(last))
    }
}

/// Makes a network and answers its id.
async fn create(docker: &Docker, name: &str, config: Option<IpamConfig>) -> Result<String, bollard::errors::Error> {
    let bridge = || HashMap::from([("com.docker.network.bridge.name".to_owned(), BRIDGE.to_owned())]);
    let request = NetworkCreateRequest {
        name: name.into(),
        driver: Some("bridge".into()),
        options: config.is_some().then(bridge),
        ipam: config.map(|config| Ipam { config: Some(vec![config]), ..Ipam::default() }),
        labels: Some(HashMap::from([(ROLE.to_owned(), "network".to_owned())])),
        ..NetworkCreateRequest::default()
    };
    docker.create_network(request).await.map(|network| network.id)
}

async fn inspect(docker: &Docker) -> Result<Option<NetworkInspect>> {
    match docker.inspect_network(NETWORK, None::<InspectNetworkOptions>).await {
        Err(error) if is_missing(&error) => Ok(None),
        inspected => inspected.map(Some).map_err(failed("look at the network deployd")),
    }
}

fn ipv4(network: &NetworkInspect) -> Option<IpamConfig> {
    let configs = network.ipam.as_ref()?.config.as_ref()?;
    let config =
        configs.iter().find(|config| config.subnet.as_deref().is_some_and(|it| Subnet::parse(it).is_some()))?;
    Some(IpamConfig { subnet: config.subnet.clone(), gateway: config.gateway.clone(), ..IpamConfig::default() })
}

fn subnet_of(network: &NetworkInspect) -> Result<Subnet> {
    let subnet = ipv4(network).and_then(|config| config.subnet).and_then(|subnet| Subnet::parse(&subnet));
    subnet.ok_or_else(|| {
        let failure = Failure::new(Kind::Engine, "use the network deployd").saw("it has no usable IPv4 subnet");
        failure.hint("remove it: docker network rm deployd; and look at default-address-pools in daemon.json")
    })
}
