//! Random packets between the parties of a case, and what the reference says about them.

use std::net::IpAddr;

use fastrand::Rng;
use polc_inventory::{Endpoint, RemoteNode};
use polc_model::{
    Decision, Direction, IcmpFamily, L4Packet, NamedPort, PeerFacts, PeerKind, selector::NO_LABELS,
};
use polc_reference::{Party, audit, judge};

use crate::{Case, ICMP_TYPES, pick, port, port_protocol};

/// A packet that starts a flow at a local endpoint, or at the node.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Who receives or sends it.
    pub subject: Subject,
    /// Which of the two.
    pub direction: Direction,
    /// The subject's address.
    pub local: IpAddr,
    /// The peer's address, of the same family.
    pub remote: IpAddr,
    /// What it shows above L3.
    pub l4: L4Packet,
}

/// Whose policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The endpoint at this position of the inventory.
    Endpoint(usize),
    /// The node itself.
    Node,
}

const OUTSIDE_V4: [[u8; 4]; 6] = [
    [10, 1, 1, 200],
    [10, 1, 9, 9],
    [10, 9, 9, 9],
    [192, 0, 2, 7],
    [192, 0, 2, 8],
    [198, 51, 100, 1],
];
const OUTSIDE_V6: [[u16; 8]; 4] = [
    [0x2001, 0xdb8, 1, 0, 0, 0, 0, 7],
    [0x2001, 0xdb8, 2, 0, 0, 0, 0, 7],
    [0xfd12, 0, 0, 0, 0, 0, 0, 7],
    [0x2a00, 0, 0, 0, 0, 0, 0, 7],
];

fn any_port(rng: &mut Rng) -> L4Packet {
    L4Packet::Port(port_protocol(rng), port(rng))
}

impl Case {
    /// The next random packet, to or from an endpoint or, now and then, the node.
    pub fn probe_of_any(&mut self) -> Option<Probe> {
        let mut probe = self.probe()?;
        if self.rng.u8(..8) == 0 {
            let is_v4 = probe.local.is_ipv4();
            let mut own = self.inventory.node.addresses.iter().copied();
            if let Some(own) = own.find(|own| own.is_ipv4() == is_v4 && *own != probe.remote) {
                probe.subject = Subject::Node;
                probe.local = own;
            }
        }
        Some(probe)
    }

    /// The next random packet to or from an endpoint. `None` when the case has no local endpoint.
    pub fn probe(&mut self) -> Option<Probe> {
        let local: Vec<usize> = self
            .inventory
            .endpoints
            .iter()
            .enumerate()
            .filter(|(_, endpoint)| endpoint.interface.is_some())
            .map(|(index, _)| index)
            .collect();
        let endpoint = pick(&mut self.rng, &local)?;
        let is_v4 = self.rng.bool();
        let family = |address: &IpAddr| address.is_ipv4() == is_v4;
        let own = self
            .inventory
            .endpoints
            .get(endpoint)?
            .addresses
            .iter()
            .copied()
            .find(family)?;

        let rng = &mut self.rng;
        let remote = match rng.u8(..13) {
            0 => self.inventory.node.addresses.iter().copied().find(family)?,
            1 => {
                let remote_nodes = &self.inventory.remote_nodes;
                remote_nodes
                    .iter()
                    .flat_map(|node| &node.addresses)
                    .copied()
                    .find(family)?
            }
            10 | 11 => {
                let of = &self.inventory.addresses_of;
                let entity = pick(
                    rng,
                    &[&of.kube_apiserver, &of.health, &of.ingress, &of.unmanaged],
                )?;
                let all: Vec<IpAddr> = entity.iter().copied().filter(family).collect();
                pick(rng, &all)?
            }
            2..7 => {
                let peers = &self.inventory.endpoints;
                let peer = rng.choice(peers.iter())?;
                peer.addresses.iter().copied().find(family)?
            }
            _ if is_v4 => pick(rng, &OUTSIDE_V4)?.into(),
            _ => pick(rng, &OUTSIDE_V6)?.into(),
        };
        let direction = if rng.bool() {
            Direction::Ingress
        } else {
            Direction::Egress
        };
        let l4 = self.l4(direction, own, remote)?;
        Some(Probe {
            subject: Subject::Endpoint(endpoint),
            direction,
            local: own,
            remote,
            l4,
        })
    }

    /// What a packet between these ends shows above L3.
    fn l4(&mut self, direction: Direction, own: IpAddr, remote: IpAddr) -> Option<L4Packet> {
        let rng = &mut self.rng;
        Some(match rng.u8(..10) {
            0 | 1 => {
                let is_v4 = own.is_ipv4();
                let family = if is_v4 {
                    IcmpFamily::V4
                } else {
                    IcmpFamily::V6
                };
                // Echo only: errors belong to other flows and discovery to the link.
                let kinds = if is_v4 { [0, 8] } else { [128, 129] };
                debug_assert!(kinds.iter().all(|kind| ICMP_TYPES.contains(kind)));
                L4Packet::Icmp(family, pick(rng, &kinds)?, rng.u8(..2))
            }
            2 => L4Packet::Protocol(47),
            3..7 => {
                // A port that the receiver has a name for, or the sender.
                let is_own = (direction == Direction::Ingress) ^ (rng.u8(..5) == 0);
                let ports = self.peer(if is_own { own } else { remote }).facts.ports;
                let named: Vec<NamedPort> = ports.values().copied().collect();
                match pick(&mut self.rng, &named) {
                    Some(named) => L4Packet::Port(named.protocol, named.port),
                    None => any_port(&mut self.rng),
                }
            }
            _ => any_port(rng),
        })
    }

    /// What the reference interpreter says about a packet. `None` for a probe of another case.
    #[must_use]
    pub fn reference(&self, probe: &Probe) -> Option<Decision> {
        let subject = self.subject(probe)?;
        let peer = self.peer(probe.remote);
        Some(judge(
            &self.model,
            probe.direction,
            &subject,
            &peer,
            probe.l4,
        ))
    }

    /// The decision that would have denied an allowed packet, were the audited policies enforced.
    #[must_use]
    pub fn reference_audit(&self, probe: &Probe) -> Option<Decision> {
        let subject = self.subject(probe)?;
        let peer = self.peer(probe.remote);
        audit(&self.model, probe.direction, &subject, &peer, probe.l4)
    }

    /// Whoever has this address.
    #[must_use]
    pub fn peer(&self, address: IpAddr) -> Party<'_> {
        let inventory = &self.inventory;
        if let Some(endpoint) = inventory
            .endpoints
            .iter()
            .find(|endpoint| endpoint.addresses.contains(&address))
        {
            return self.party(endpoint, address);
        }
        let of = &inventory.addresses_of;
        let nodes = inventory.remote_nodes.iter();
        let remote: Vec<IpAddr> = nodes.flat_map(|node| &node.addresses).copied().collect();
        let kind = [
            (PeerKind::Host, &inventory.node.addresses),
            (PeerKind::RemoteNode, &remote),
            (PeerKind::Health, &of.health),
            (PeerKind::Ingress, &of.ingress),
            (PeerKind::Unmanaged, &of.unmanaged),
        ]
        .into_iter()
        .find(|(_, all)| all.contains(&address))
        .map_or(PeerKind::World, |(kind, _)| kind);
        let is_there = |node: &&RemoteNode| node.addresses.contains(&address);
        let labels = match kind {
            PeerKind::Host => &inventory.node.labels,
            _ => match inventory.remote_nodes.iter().find(is_there) {
                Some(node) => &node.labels,
                None => &NO_LABELS,
            },
        };
        Party {
            name: "",
            facts: PeerFacts {
                kind,
                labels,
                is_kube_apiserver: of.kube_apiserver.contains(&address),
                ..PeerFacts::world(address)
            },
        }
    }

    fn subject(&self, probe: &Probe) -> Option<Party<'_>> {
        match probe.subject {
            Subject::Endpoint(endpoint) => {
                let endpoint = self.inventory.endpoints.get(endpoint)?;
                Some(self.party(endpoint, probe.local))
            }
            Subject::Node => Some(self.peer(probe.local)),
        }
    }

    fn party<'a>(&'a self, endpoint: &'a Endpoint, address: IpAddr) -> Party<'a> {
        let servers = &self.inventory.addresses_of.kube_apiserver;
        Party {
            name: &endpoint.name,
            facts: PeerFacts {
                is_kube_apiserver: servers.contains(&address),
                ..self.inventory.facts(endpoint, Some(address))
            },
        }
    }
}
