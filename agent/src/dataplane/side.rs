//! The tables of one side.

use std::collections::BTreeMap;

use polc_abi::{
    key::Address,
    link::Link,
    map,
    node::{Endpoint, NODE, Peer, PrefixKey, Side, peer_flag},
    policy::PROGRAM_SLOTS,
};

use crate::{Error, candidate::Candidate, pins::Pins, sys::map::Map};

use super::{addresses::AddressTable, held::Held, programs::Filled};

/// The tables of one side.
pub(super) struct SideTables {
    endpoints: Map<u32, Endpoint>,
    addresses: AddressTable,
    prefixes: Map<PrefixKey, Peer>,
    endpoints_held: Held<u32, Endpoint>,
    addresses_held: Held<Address, Peer>,
    prefixes_held: Held<PrefixKey, Peer>,
}

impl SideTables {
    pub(super) fn open(pins: &Pins, side: Side) -> Result<Self, Error> {
        let opening = || Error::kernel("opening a table");
        Ok(Self {
            endpoints: Map::open(&pins.map(map::endpoints(side))).map_err(opening())?,
            addresses: AddressTable::new(
                side,
                Map::open(&pins.map(map::ADDRESSES)).map_err(opening())?,
                Map::open(&pins.map(map::ADDRESS_MASKS)).map_err(opening())?,
            ),
            prefixes: Map::open(&pins.map(map::prefixes(side))).map_err(opening())?,
            endpoints_held: Held::unknown(),
            addresses_held: Held::unknown(),
            prefixes_held: Held::unknown(),
        })
    }

    /// Makes the tables hold the candidate's entries. Only for the side that is not in force.
    pub(super) fn fill(
        &mut self,
        candidate: &Candidate,
        filled: &Filled,
        links: &BTreeMap<u32, Link>,
        outside: u32,
    ) -> Result<(), Error> {
        let filling = || Error::kernel("filling a table");
        let tables = &candidate.tables;
        let slot = |class: u32| filled.slots.get(class as usize).copied();
        let endpoints = candidate.endpoints.iter().map(|(&ifindex, endpoint)| {
            let endpoint = Endpoint {
                ingress_slot: slot(endpoint.ingress_slot).unwrap_or(PROGRAM_SLOTS),
                egress_slot: slot(endpoint.egress_slot).unwrap_or(PROGRAM_SLOTS),
                ..linked(ifindex, endpoint, links)
            };
            (ifindex, endpoint)
        });
        self.endpoints_held
            .become_these(&mut self.endpoints, endpoints.collect())
            .map_err(filling())?;
        let of_side = |peer: &Peer| Peer {
            row: peer.row + filled.first_row,
            ..*peer
        };
        let reached = reached_directly(candidate, links);
        let addresses = tables.addresses.iter();
        let addresses = addresses.map(|(address, peer)| {
            let mut peer = of_side(peer);
            peer.ifindex = match peer.flags & (peer_flag::HOST | peer_flag::LOCAL_ENDPOINT) {
                0 => outside,
                peer_flag::LOCAL_ENDPOINT => reached.get(address).copied().unwrap_or_default(),
                peer_flag::HOST if tables.node.is_some() => NODE,
                _ => 0,
            };
            (*address, peer)
        });
        self.addresses_held
            .become_these(&mut self.addresses, addresses.collect())
            .map_err(filling())?;
        let prefixes = tables.prefixes.iter();
        let prefixes = prefixes.map(|(prefix, peer)| {
            let ifindex = outside;
            let peer = Peer {
                ifindex,
                ..of_side(peer)
            };
            (*prefix, peer)
        });
        self.prefixes_held
            .become_these(&mut self.prefixes, prefixes.collect())
            .map_err(filling())
    }

    /// Whether it has the node as a subject of policies.
    pub(super) fn has_node(&self) -> Result<bool, Error> {
        let node = self.endpoints.get(&NODE);
        let node = node.map_err(Error::kernel("reading the endpoints"))?;
        Ok(node.is_some())
    }

    /// Whether the side holds exactly the candidate's endpoints, on the same interfaces with these
    /// links, whatever slots their programs are in.
    pub(super) fn holds(
        &self,
        candidate: &Candidate,
        links: &BTreeMap<u32, Link>,
    ) -> Result<bool, Error> {
        let without_slots = |endpoint: Endpoint| Endpoint {
            ingress_slot: 0,
            egress_slot: 0,
            ..endpoint
        };
        let entries = self.endpoints.entries();
        let entries = entries.map_err(Error::kernel("reading the endpoints"))?;
        let held: BTreeMap<u32, Endpoint> = entries
            .into_iter()
            .map(|(ifindex, endpoint)| (ifindex, without_slots(endpoint)))
            .collect();
        let expected = candidate.endpoints.iter();
        Ok(expected
            .map(|(&ifindex, endpoint)| {
                let endpoint = linked(ifindex, endpoint, links);
                (ifindex, without_slots(endpoint))
            })
            .eq(held))
    }
}

/// The endpoint with its link.
fn linked(ifindex: u32, endpoint: &Endpoint, links: &BTreeMap<u32, Link>) -> Endpoint {
    Endpoint {
        link: links.get(&ifindex).copied().unwrap_or(Link::ROUTED),
        ..*endpoint
    }
}

/// The interfaces of endpoints that packets reach past the node's stack, by address.
fn reached_directly(candidate: &Candidate, links: &BTreeMap<u32, Link>) -> BTreeMap<Address, u32> {
    let is_direct = |ifindex: &u32| links.get(ifindex).is_some_and(Link::is_direct);
    let endpoints = candidate.endpoints.iter();
    endpoints
        .filter(|(ifindex, _)| is_direct(ifindex))
        .flat_map(|(&ifindex, endpoint)| {
            let addresses = endpoint.addresses.iter();
            addresses
                .take(endpoint.address_count as usize)
                .map(move |address| (*address, ifindex))
        })
        .collect()
}
