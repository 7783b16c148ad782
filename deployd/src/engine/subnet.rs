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

    /// The next address after one that is neither used, nor the network's, the gateway's or the broadcast one; after the
    /// last of the network comes its first again.
    pub(super) fn free(self, used: &HashSet<Ipv4Addr>, after: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        // the engine gives the gateway the first address
        let (first, last) = (self.network + 2, self.network | !mask(self.length));
        let next = after.map_or(first, |after| u32::from(after).saturating_add(1).clamp(first, last));
        (next..last).chain(first..next).map(Ipv4Addr::from).find(|address| !used.contains(address))
    }
}

fn mask(length: u8) -> u32 {
    u32::MAX << (32 - length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_free_address_is_chosen() {
        let subnet = Subnet::parse("172.18.0.0/28").unwrap();
        let address = |last| Ipv4Addr::new(172, 18, 0, last);
        let used = HashSet::from([address(2), address(4)]);
        assert_eq!(subnet.free(&HashSet::new(), None), Some(address(2)));
        assert_eq!(subnet.free(&used, None), Some(address(3)));
        assert_eq!(subnet.free(&used, Some(address(3))), Some(address(5)));
        assert_eq!(subnet.free(&used, Some(address(14))), Some(address(3)));
        // of a network that was made anew with another subnet
        assert_eq!(subnet.free(&used, Some(Ipv4Addr::new(10, 0, 0, 9))), Some(address(3)));
        assert_eq!(subnet.free(&used, Some(Ipv4Addr::BROADCAST)), Some(address(3)));
    }

    #[test]
    fn a_full_or_strange_network_has_none() {
        let subnet = Subnet::parse("10.0.0.16/28").unwrap();
        let used = (16..32).map(|last| Ipv4Addr::new(10, 0, 0, last)).collect();
        assert_eq!(subnet.free(&used, None), None);
        assert_eq!(subnet.free(&used, Some(Ipv4Addr::new(10, 0, 0, 20))), None);
        assert_eq!(Subnet::parse("10.0.0.0/30"), None);
        assert_eq!(Subnet::parse("fd00::/64"), None);
    }
}
