//! Everybody that the inventory knows, as selectors see them.

use std::net::IpAddr;

use polc_inventory::{Inventory, Place, node_facts};
use polc_model::{Entity, PeerFacts, PeerKind, selector::NO_LABELS};

/// Somebody that the inventory knows.
#[derive(Clone, Debug)]
pub struct Party<'a> {
    /// Full name.
    pub name: String,
    /// What it is.
    pub kind: PeerKind,
    /// Whether it is an endpoint on this node.
    pub is_here: bool,
    /// What selectors see of it at each of its addresses.
    pub at: Vec<(IpAddr, PeerFacts<'a>)>,
}

impl Party<'_> {
    /// Its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.at.iter().map(|(address, _)| *address)
    }
}

/// Everybody that the inventory knows: this node, endpoints, other nodes, other entities.
#[must_use]
pub fn all(inventory: &Inventory) -> Vec<Party<'_>> {
    let with_labels = |name: &str, kind, labels, addresses: &[IpAddr]| {
        let at = |address| inventory.with_apiserver(node_facts(kind, labels, address));
        let facts = |&address| (address, at(address));
        Party {
            name: name.to_owned(),
            kind,
            is_here: false,
            at: addresses.iter().map(facts).collect(),
        }
    };
    let without_labels =
        |name: &str, kind, addresses: &[IpAddr]| with_labels(name, kind, &NO_LABELS, addresses);
    let node = &inventory.node;
    let mut parties = vec![with_labels(
        &node.name,
        PeerKind::Host,
        &node.labels,
        &node.addresses,
    )];
    parties.extend(inventory.endpoints.iter().map(|endpoint| {
        let facts = |&address| (address, inventory.facts(endpoint, Some(address)));
        Party {
            name: endpoint.full_name(),
            kind: endpoint.phase().kind(),
            is_here: inventory.place(endpoint) != Place::Elsewhere,
            at: endpoint.addresses.iter().map(facts).collect(),
        }
    }));
    parties.extend(inventory.remote_nodes.iter().map(|node| {
        with_labels(
            &node.name,
            PeerKind::RemoteNode,
            &node.labels,
            &node.addresses,
        )
    }));
    parties.extend(
        inventory
            .addresses_of
            .others()
            .map(|(kind, name, addresses)| without_labels(name, kind, addresses)),
    );
    let outside: Vec<IpAddr> = inventory.outside_apiservers().collect();
    let apiserver = Entity::KubeApiserver.name();
    parties.push(without_labels(apiserver, PeerKind::World, &outside));
    parties.retain(|party| !party.at.is_empty());
    parties
}

/// The name of whoever has an address.
#[must_use]
pub fn name_at(inventory: &Inventory, address: IpAddr) -> Option<String> {
    let parties = all(inventory);
    let mut parties = parties.iter();
    let found = parties.find(|party| party.addresses().any(|own| own == address));
    found.map(|party| party.name.clone())
}

/// How many [`all`] are.
#[must_use]
pub fn count(inventory: &Inventory) -> usize {
    let others = inventory.addresses_of.others();
    let entities = others.filter(|(.., addresses)| !addresses.is_empty());
    usize::from(!inventory.node.addresses.is_empty())
        + inventory.endpoints.len()
        + inventory.remote_nodes.len()
        + entities.count()
        + usize::from(inventory.outside_apiservers().next().is_some())
}

/// What a kind of peer is called, in tables and JSON.
#[must_use]
pub const fn kind_name(kind: PeerKind) -> &'static str {
    match kind {
        PeerKind::Endpoint => "endpoint",
        PeerKind::Init => "init",
        PeerKind::Host => "host",
        PeerKind::RemoteNode => "remote_node",
        PeerKind::Health => "health",
        PeerKind::Ingress => "ingress",
        PeerKind::Unmanaged => "unmanaged",
        PeerKind::World => "world",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_with_an_address_is_somebody() {
        let inventory = Inventory::parse(
            "node: { name: here, addresses: [10.0.0.1] }\n\
             endpoints:\n\
             - { name: web, namespace: shop, addresses: [10.0.0.2, 'fd00::2'] }\n\
             - { name: new, init: true, addresses: [10.0.0.3] }\n\
             remote_nodes:\n\
             - { name: there, addresses: [10.0.1.1] }\n\
             addresses_of: { kube_apiserver: [10.0.1.1, 192.0.2.1], health: [10.0.0.9] }\n",
        )
        .unwrap();
        let all = all(&inventory);
        let names: Vec<(&str, &str)> = all
            .iter()
            .map(|party| (party.name.as_str(), kind_name(party.kind)))
            .collect();
        assert_eq!(
            names,
            [
                ("here", "host"),
                ("shop/web", "endpoint"),
                ("new", "init"),
                ("there", "remote_node"),
                ("health", "health"),
                ("kube_apiserver", "world"),
            ]
        );
        assert_eq!(count(&inventory), names.len());
        let apiservers: Vec<String> = all
            .iter()
            .flat_map(|party| &party.at)
            .filter(|(_, facts)| facts.is_kube_apiserver)
            .map(|(address, _)| address.to_string())
            .collect();
        assert_eq!(apiservers, ["10.0.1.1", "192.0.2.1"]);
    }
}
