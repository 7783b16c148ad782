//! The one network of a machine's VPSes, on addresses that the engine knows to be free.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::ListNetworksOptionsBuilder;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::Engine;
use super::connect::status;
use crate::error::{Error, Failure, Result};

/// An IPv4 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    base: Ipv4Addr,
    prefix: u8,
}

impl Subnet {
    fn parse(text: &str) -> Option<Self> {
        let (base, prefix) = text.split_once('/')?;
        Some(Self { base: base.parse().ok()?, prefix: prefix.parse().ok()? })
    }

    /// The address at a place in the network, counted from its beginning.
    pub(crate) fn address(self, place: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.base) + place)
    }

    /// How many addresses it has.
    pub(crate) fn size(self) -> u32 {
        1 << (32 - u32::from(self.prefix))
    }

    /// The lowest quarter (at most 256 addresses): the engine hands these out by itself.
    pub(crate) fn dynamic(self) -> Self {
        Self { base: self.base, prefix: (self.prefix + 2).max(24) }
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

fn subnet(config: &IpamConfig) -> Option<Subnet> {
    config.subnet.as_deref().and_then(Subnet::parse)
}

/// How often making a network is begun anew when something came in between.
const TRIES: usize = 5;

impl Engine {
    /// The subnet of a network that was made by [`network`](Self::network), if there is such a network: one
    /// on which no address can be chosen is none.
    async fn network_subnet(&self, name: &str) -> Result<Option<Subnet>> {
        match self.docker.inspect_network(name, None).await {
            Ok(network) => Ok(configs(network).iter().filter(|config| config.ip_range.is_some()).find_map(subnet)),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.error(format!("look for network {name}"), error)),
        }
    }

    /// A bridge network whose containers may choose their address; makes it if there is none.
    ///
    /// Whoever makes one may be killed in the middle, and what they asked the engine for may still come about. Therefore the
    /// network is made in one step, and never twice: engines allow a name for several networks, but not a bridge.
    pub(crate) async fn network(&self, name: &str, labels: &HashMap<String, String>) -> Result<Subnet> {
        let failed = |error| self.error(format!("create network {name}"), error);
        let mut tries = 0;
        loop {
            if let Some(subnet) = self.network_subnet(name).await? {
                return Ok(subnet);
            }
            self.remove_network(name).await?;
            let subnet = self.free_subnet(&probe(name), labels).await?;
            let config = IpamConfig {
                subnet: Some(subnet.to_string()),
                ip_range: Some(subnet.dynamic().to_string()),
                gateway: Some(subnet.address(1).to_string()),
                ..IpamConfig::default()
            };
            let request = NetworkCreateRequest {
                name: name.to_owned(),
                labels: Some(labels.clone()),
                ipam: Some(Ipam { config: Some(vec![config]), ..Ipam::default() }),
                options: Some(HashMap::from([("com.docker.network.bridge.name".to_owned(), self.bridge(name))])),
                ..NetworkCreateRequest::default()
            };
            tries += 1;
            match self.docker.create_network(request).await {
                Ok(_) => return Ok(subnet),
                // the bridge is there by now, or somebody else's network has taken the subnet
                Err(error) if matches!(status(&error), Some(403 | 409)) && tries < TRIES => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// A subnet that is free. Only the engine knows which, and it tells by making a network; but addresses can be chosen only
    /// where the subnet was given to it.
    async fn free_subnet(&self, probe: &str, labels: &HashMap<String, String>) -> Result<Subnet> {
        let failed = |error| self.error(format!("create network {probe}"), error);
        let request = NetworkCreateRequest {
            name: probe.to_owned(),
            labels: Some(labels.clone()),
            ..NetworkCreateRequest::default()
        };
        let id = self.docker.create_network(request).await.map_err(failed)?.id;
        let network = self.docker.inspect_network(&id, None).await.map_err(failed)?;
        self.docker.remove_network(&id).await.map_err(failed)?;
        configs(network).iter().find_map(subnet).ok_or_else(|| {
            let failure = Failure::new("container engine", format!("create network {probe}"));
            Error::Engine(failure.saw("it has no IPv4 subnet"))
        })
    }

    /// The name of a network's bridge: engines of one machine share its interfaces, whose names have 15 letters at most.
    fn bridge(&self, network: &str) -> String {
        let digest = Sha256::digest(format!("{network} {}", self.id()));
        format!("tv{}", &HEXLOWER.encode(&digest)[..12])
    }

    /// Removes a network, and what is left of making it; one that is gone already is fine.
    pub(crate) async fn remove_network(&self, name: &str) -> Result<()> {
        let failed = |error| self.error(format!("remove network {name}"), error);
        let names = [name.to_owned(), probe(name)];
        // the filter takes parts of names, too
        let filters = HashMap::from([("name", vec![name])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let found = self.docker.list_networks(Some(options)).await.map_err(failed)?;
        let ours = found.into_iter().filter(|network| network.name.as_ref().is_some_and(|it| names.contains(it)));
        for id in ours.filter_map(|network| network.id) {
            match self.docker.remove_network(&id).await {
                Err(error) if status(&error) != Some(404) => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The network by which the engine is asked for a free subnet.
fn probe(network: &str) -> String {
    format!("{network}-probe")
}

fn configs(network: NetworkInspect) -> Vec<IpamConfig> {
    network.ipam.and_then(|ipam| ipam.config).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_from_the_beginning_of_the_network() {
        let subnet = Subnet::parse("172.18.0.0/16").unwrap();
        assert_eq!(subnet.address(2).to_string(), "172.18.0.2");
        assert_eq!(subnet.size(), 65536);
        assert_eq!(subnet.dynamic().to_string(), "172.18.0.0/24");
        assert_eq!(Subnet::parse("192.168.16.0/20").unwrap().dynamic().to_string(), "192.168.16.0/24");
    }
}
