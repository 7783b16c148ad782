//! The one network of a machine's VPSes, on addresses that the engine knows to be free.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};

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

impl Engine {
    /// The subnet of a network that was made by [`create_network`](Self::create_network), if there is such a network. Whoever
    /// makes one may be killed in the middle: a network on which no address can be chosen is none.
    pub(crate) async fn network_subnet(&self, name: &str) -> Result<Option<Subnet>> {
        let configs = self.network_configs(name).await?.unwrap_or_default();
        Ok(configs.iter().filter(|config| config.ip_range.is_some()).find_map(subnet))
    }

    async fn network_configs(&self, name: &str) -> Result<Option<Vec<IpamConfig>>> {
        match self.docker.inspect_network(name, None).await {
            Ok(network) => Ok(Some(network.ipam.and_then(|ipam| ipam.config).unwrap_or_default())),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.error(format!("look for network {name}"), error)),
        }
    }

    /// Makes a bridge network whose containers may choose their address.
    ///
    /// The engine allows chosen addresses only where the subnet was given to it, and only the engine knows which one is
    /// free: it makes the network once on a subnet of its choice, then again on the same one, given. What is left of an
    /// earlier call that was killed between the two is used for the first.
    pub(crate) async fn create_network(&self, name: &str, labels: &HashMap<String, String>) -> Result<Subnet> {
        let request = |ipam| NetworkCreateRequest {
            name: name.to_owned(),
            labels: Some(labels.clone()),
            ipam,
            ..NetworkCreateRequest::default()
        };
        let failed = |error| self.error(format!("create network {name}"), error);
        if self.network_configs(name).await?.is_none() {
            self.docker.create_network(request(None)).await.map_err(failed)?;
        }
        let chosen = self.network_configs(name).await?.unwrap_or_default();
        let subnet = chosen.iter().find_map(subnet).ok_or_else(|| {
            Error::Engine(
                Failure::new("container engine", format!("create network {name}")).saw("it has no IPv4 subnet"),
            )
        })?;
        self.remove_network(name).await?;
        let config = IpamConfig {
            subnet: Some(subnet.to_string()),
            ip_range: Some(subnet.dynamic().to_string()),
            gateway: Some(subnet.address(1).to_string()),
            ..IpamConfig::default()
        };
        let given = Ipam { config: Some(vec![config]), ..Ipam::default() };
        self.docker.create_network(request(Some(given))).await.map_err(failed)?;
        Ok(subnet)
    }

    /// Removes a network; one that is gone already is fine.
    pub(crate) async fn remove_network(&self, name: &str) -> Result<()> {
        match self.docker.remove_network(name).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(self.error(format!("remove network {name}"), error)),
        }
    }
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
