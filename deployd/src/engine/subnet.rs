//! The addresses of an IPv4 network.

use std::collections::HashSet;
use std::net::Ipv4Addr;

/// An IPv4 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subnet {
    network: u32,
    length: u8,
}

impl Subnet {
    /// Reads `172.18.0.0/16`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let (address, length) = (address.parse::<Ipv4Addr>().ok()?, length.parse::<u8>().ok()?);
        // a network smaller than this has no room for two versions beside the gateway
        (8..=28).contains(&length).then(|| Self { network: u32::from(address) & mask(length), length })
    }

    /// The first address that is neither used, nor the network's, the gateway's or the broadcast one.
    pub(super) fn free(self, used: &HashSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        let last = self.network | !mask(self.length);
        // the engine gives the gateway the first address
        (self.network + 2..last).map(Ipv4Addr::from).find(|address| !used.contains(address))
    }
}

fn mask(length: u8) -> u32 {
    u32::MAX << (32 - length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_address_is_chosen() {
        let subnet = Subnet::parse("172.18.0.0/16").unwrap();
        let address = |last| Ipv4Addr::new(172, 18, 0, last);
        assert_eq!(subnet.free(&HashSet::new()), Some(address(2)));
        assert_eq!(subnet.free(&HashSet::from([address(2), address(4)])), Some(address(3)));
    }

    #[test]
    fn a_full_or_strange_network_has_none() {
        let subnet = Subnet::parse("10.0.0.16/28").unwrap();
        let used = (16..32).map(|last| Ipv4Addr::new(10, 0, 0, last)).collect();
        assert_eq!(subnet.free(&used), None);
        assert_eq!(Subnet::parse("10.0.0.0/30"), None);
        assert_eq!(Subnet::parse("fd00::/64"), None);
    }
}
