//! Who an inventory names, in the order in which they get their rows.

use std::{borrow::Cow, iter, net::IpAddr};

use ipnet::IpNet;
use polc_inventory::{Endpoint, Inventory, Node, RemoteNode, node_facts};
use polc_model::{Entity, PeerFacts, PeerKind, l4::NO_PORTS, selector::NO_LABELS};

use crate::peer_ids::PeerRole;

/// Somebody with addresses.
pub(crate) enum Party<'p> {
    Node(&'p Node),
    Endpoint(&'p Endpoint),
    RemoteNode(&'p RemoteNode),
    Entity {
        kind: PeerKind,
        name: &'static str,
        addresses: Cow<'p, [IpAddr]>,
    },
}

/// The node, the endpoints in the inventory's order, and the others.
pub(crate) fn all(inventory: &Inventory) -> impl Iterator<Item = Party<'_>> {
    let endpoints = inventory.endpoints.iter().map(|one| Party::Endpoint(one));
    let remote_nodes = inventory.remote_nodes.iter().map(Party::RemoteNode);
    let others = inventory.addresses_of.others();
    let others = others.map(|(kind, name, addresses)| Party::Entity {
        kind,
        name,
        addresses: Cow::Borrowed(addresses),
    });
    let outside = Party::Entity {
        kind: PeerKind::World,
        name: Entity::KubeApiserver.name(),
        addresses: inventory.outside_apiservers().collect(),
    };
    iter::once(Party::Node(&inventory.node))
        .chain(endpoints)
        .chain(remote_nodes)
        .chain(others)
        .chain([outside])
}

impl<'p> Party<'p> {
    pub(crate) const fn role(&self) -> PeerRole {
        match self {
            Self::Node(_) => PeerRole::Node,
            Self::Endpoint(_) => PeerRole::Endpoint,
            Self::RemoteNode(_) => PeerRole::RemoteNode,
            Self::Entity { .. } => PeerRole::Entity,
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Node(node) => node.name.clone(),
            Self::Endpoint(endpoint) => endpoint.full_name(),
            Self::RemoteNode(node) => node.name.clone(),
            Self::Entity { name, .. } => (*name).to_owned(),
        }
    }

    pub(crate) fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Node(node) => &node.addresses,
            Self::Endpoint(endpoint) => &endpoint.addresses,
            Self::RemoteNode(node) => &node.addresses,
            Self::Entity { addresses, .. } => addresses,
        }
    }

    /// What selectors see at one of its addresses.
    pub(crate) fn facts(&self, inventory: &'p Inventory, address: IpAddr) -> PeerFacts<'p> {
        let (kind, labels) = match *self {
            Self::Endpoint(endpoint) => return inventory.facts(endpoint, Some(address)),
            Self::Node(node) => (PeerKind::Host, &node.labels),
            Self::RemoteNode(node) => (PeerKind::RemoteNode, &node.labels),
            Self::Entity { kind, .. } => (kind, &NO_LABELS),
        };
        inventory.with_apiserver(node_facts(kind, labels, address))
    }
}

/// What selectors see of the addresses of a block that are nobody's.
pub(crate) const fn outside(block: IpNet) -> PeerFacts<'static> {
    PeerFacts {
        kind: PeerKind::World,
        is_kube_apiserver: false,
        namespace: None,
        labels: &NO_LABELS,
        namespace_labels: &NO_LABELS,
        names: &[],
        ports: &NO_PORTS,
        network: Some(block),
    }
}
