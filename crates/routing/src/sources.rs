//! Which trunk an address belongs to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::TrunkId;
use crate::settings::Network;

/// Networks of trunks: the longest that contains an address wins.
///
/// One hash lookup for each length of prefix in use, the longest first; almost always that is one or two.
#[derive(Default)]
pub(crate) struct Sources {
    networks: HashMap<Network, TrunkId, FixedState>,
    bits_v4: Vec<u8>,
    bits_v6: Vec<u8>,
}

impl Sources {
    /// Adds a network, unless it overlaps with one that is there: then that one is returned, and nothing is added.
    pub(crate) fn add(&mut self, network: Network, trunk: TrunkId) -> Option<(Network, TrunkId)> {
        if let Some(wider) = self.containing(network.address, network.bits) {
            return Some(wider);
        }
        if let Some(narrower) = self.within(network) {
            return Some(narrower);
        }
        self.networks.insert(network, trunk);
        let bits = match network.address {
            IpAddr::V4(_) => &mut self.bits_v4,
            IpAddr::V6(_) => &mut self.bits_v6,
        };
        if let Err(at) = bits.binary_search_by(|known| network.bits.cmp(known)) {
            bits.insert(at, network.bits);
        }
        None
    }

    /// The trunk whose network contains the address.
    pub(crate) fn find(&self, address: IpAddr) -> Option<TrunkId> {
        let address = address.to_canonical();
        self.containing(address, u8::MAX).map(|(_, trunk)| trunk)
    }

    fn containing(&self, address: IpAddr, bits_max: u8) -> Option<(Network, TrunkId)> {
        let lengths = match address {
            IpAddr::V4(_) => &self.bits_v4,
            IpAddr::V6(_) => &self.bits_v6,
        };
        lengths.iter().filter(|bits| **bits <= bits_max).find_map(|bits| {
            let network = Network {
                address: first_address(address, *bits),
                bits: *bits,
            };
            self.networks.get(&network).map(|trunk| (network, *trunk))
        })
    }

    fn within(&self, wider: Network) -> Option<(Network, TrunkId)> {
        let narrower = self.networks.iter().filter(|(network, _)| {
            network.bits > wider.bits
                && network.address.is_ipv4() == wider.address.is_ipv4()
                && first_address(network.address, wider.bits) == wider.address
        });
        // The smallest, so that the answer does not depend on the order of the table.
        narrower.map(|(network, trunk)| (*network, *trunk)).min()
    }
}

/// The first address of the network of `bits` bits that contains `address`.
pub(crate) fn first_address(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_finds_the_trunk_whose_network_contains_it() {
        let mut sources = Sources::default();
        assert_eq!(sources.add(network("192.0.2.0", 24), TrunkId(0)), None);
        assert_eq!(sources.add(network("198.51.100.7", 32), TrunkId(1)), None);
        assert_eq!(sources.add(network("2001:db8::", 32), TrunkId(2)), None);
        assert_eq!(sources.find(address("192.0.2.200")), Some(TrunkId(0)));
        assert_eq!(sources.find(address("::ffff:192.0.2.200")), Some(TrunkId(0)));
        assert_eq!(sources.find(address("198.51.100.7")), Some(TrunkId(1)));
        assert_eq!(sources.find(address("198.51.100.8")), None);
        assert_eq!(sources.find(address("2001:db8:5::1")), Some(TrunkId(2)));
        assert_eq!(sources.find(address("2001:db9::1")), None);
    }

    #[test]
    fn overlap_is_found_whichever_network_came_first() {
        let mut sources = Sources::default();
        assert_eq!(sources.add(network("192.0.2.0", 25), TrunkId(0)), None);
        let known = Some((network("192.0.2.0", 25), TrunkId(0)));
        assert_eq!(sources.add(network("192.0.2.0", 25), TrunkId(1)), known);
        assert_eq!(sources.add(network("192.0.2.9", 32), TrunkId(1)), known);
        assert_eq!(sources.add(network("192.0.0.0", 16), TrunkId(1)), known);
        assert_eq!(sources.add(network("0.0.0.0", 0), TrunkId(1)), known);
        assert_eq!(sources.add(network("192.0.2.128", 25), TrunkId(1)), None);
        assert_eq!(sources.add(network("::", 0), TrunkId(1)), None);
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(text: &str, bits: u8) -> Network {
        Network {
            address: address(text),
            bits,
        }
    }
}
