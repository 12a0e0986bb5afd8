//! What a node's maps hold for a bundle and an inventory: pure data, computed from both.
//!
//! The inventory is evaluated here and only here. Each address gets a row of the signature array,
//! and equal rows are shared; each CIDR block that a rule mentions becomes a prefix with the row
//! of the addresses that no longer prefix covers; each endpoint gets the two programs of its
//! policy classes. Each named port that a program asks for is looked up here, too.

mod blocks;
mod classes;
mod limits;
mod party;
mod peer_ids;
mod placement;
mod port_names;
mod questions;
mod reask;
mod rows;
mod signatures;
mod step;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use polc_abi::{
    key::{Address, IPV4_PREFIX_OFFSET, L4Key, ipv4},
    map::{MAX_ADDRESSES, MAX_ENDPOINTS, MAX_NAMED_PORTS, MAX_PREFIXES},
    node::{PEER_WORLD, Peer, PrefixKey, peer_flag},
    policy::PortNamesKey,
};
use polc_inventory::{Endpoint, Inventory, Place};
use polc_model::{HostAccess, Model};
use polc_plan::{Choice, ClassPlan, Names, Plan};

use classes::{Classes, Slots};
pub use limits::TablesError;
use limits::fit;
use party::Party;
pub use peer_ids::PeerNames;
use peer_ids::PeerRole;
pub use placement::Placement;
use port_names::PortNames;
use reask::Reasked;
use rows::Rows;
pub use signatures::Signatures;

/// The contents of one side of a node's maps. Slots and rows count from the side's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTables {
    /// The classes of this node's endpoints. The position is the program's slot.
    pub classes: Vec<Arc<ClassPlan>>,
    /// Where what the classes ask about is in a signature and in a port's names.
    pub placement: Placement,
    /// Signatures. The position is the row that peers name.
    pub signatures: Signatures,
    /// Endpoints on this node, in order of the inventory.
    pub endpoints: Vec<LocalEndpoint>,
    /// The node itself, where a policy applies to it.
    pub node: Option<GovernedNode>,
    /// Every address of the inventory, in order of address.
    pub addresses: Vec<(Address, Peer)>,
    /// Prefixes for addresses outside the inventory. Always holds both default routes.
    pub prefixes: Vec<(PrefixKey, Peer)>,
    /// Named ports that the node's programs ask for, in order of key. What is not here has none.
    pub port_names: Vec<(PortNamesKey, Names)>,
    /// Names by peer id.
    pub names: Arc<PeerNames>,
    /// Slots of this node's endpoints, by position in the inventory.
    slots: BTreeMap<u32, Slots>,
}

/// The node, as the subject of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GovernedNode {
    /// Peer id.
    pub id: u32,
    /// Slot of the program that judges what comes to the node itself.
    pub ingress_slot: u32,
    /// Slot of the program that judges what the node itself sends.
    pub egress_slot: u32,
}

/// An endpoint on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalEndpoint {
    /// Full name.
    pub name: String,
    /// The node's end of its link. `None`: the interface that its addresses are routed to.
    pub interface: Option<String>,
    /// Peer id.
    pub id: u32,
    /// Slot of its ingress program.
    pub ingress_slot: u32,
    /// Slot of its egress program.
    pub egress_slot: u32,
    /// Addresses it may send from.
    pub addresses: Vec<Address>,
}

impl LocalEndpoint {
    fn new(endpoint: &Endpoint, id: u32, slots: Slots) -> Self {
        let addresses = endpoint.addresses.iter().copied();
        Self {
            name: endpoint.full_name(),
            interface: endpoint.interface.clone(),
            id,
            ingress_slot: slots.ingress,
            egress_slot: slots.egress,
            addresses: addresses.map(address_bytes).collect(),
        }
    }
}

impl NodeTables {
    /// Computes the tables.
    ///
    /// # Errors
    /// More of something than the maps of one side hold.
    pub fn compute(model: &Model, plan: &Plan, inventory: &Inventory) -> Result<Self, TablesError> {
        Self::compute_with(model, plan, inventory, Choice::Cheapest, None)
    }

    /// As [`Self::compute`], with a say in how classes are decided that the plan did not foresee, and
    /// with the tables that are in force: selectors, names and rows that they have keep their places.
    ///
    /// # Errors
    /// As [`Self::compute`].
    pub fn compute_with(
        model: &Model,
        plan: &Plan,
        inventory: &Inventory,
        choice: Choice,
        before: Option<Before<'_>>,
    ) -> Result<Self, TablesError> {
        let same = before.and_then(|before| before.same_endpoints(model, inventory));
        let known = before.zip(same.as_deref());
        let Classes {
            plans: classes,
            slots,
            node: node_slots,
        } = Classes::of(model, plan, inventory, choice, known)?;
        let placement = Placement::after(
            before.map(|before| (before.model, &before.tables.placement)),
            model,
            classes.iter().map(|class| &**class),
        )?;
        // The first peer of all.
        let node_id = PeerNames::default().add(PeerRole::Node, inventory.node.name.clone());
        let node = governed(node_id, node_slots);
        if let Some(before) = before
            && before.says_the_same(model, inventory, &placement)
        {
            return Ok(Self {
                endpoints: endpoints(&slots, before.tables),
                node,
                classes,
                placement,
                slots,
                ..before.tables.clone()
            });
        }
        if let Some(before) = before
            && before.tables.placement.names() == placement.names()
            && let Some(reasked) = reask::reask(before, model, inventory, &placement)
        {
            let Reasked {
                signatures,
                addresses,
                prefixes,
            } = reasked;
            fit(prefixes.len(), MAX_PREFIXES, TablesError::Prefixes)?;
            return Ok(Self {
                endpoints: endpoints(&slots, before.tables),
                node,
                classes,
                slots,
                placement,
                signatures,
                addresses,
                prefixes,
                port_names: before.tables.port_names.clone(),
                names: Arc::clone(&before.tables.names),
            });
        }
        if let Some((before, same)) = known
            && before.tables.placement == placement
            && let Some(next) = step::step(before, model, inventory, same, &classes, (&slots, node))
        {
            next.check()?;
            return Ok(next);
        }
        let mut port_names = PortNames::asked_for(&placement);
        let prefixes = prefixes(model, &placement);
        fit(prefixes.len(), MAX_PREFIXES, TablesError::Prefixes)?;
        let mut rows = Rows::new(
            model,
            &placement,
            &prefixes,
            before.map(|before| &before.tables.signatures),
        );

        let mut names = PeerNames::default();
        let mut addresses = Vec::new();
        let mut endpoints = Vec::new();
        let mut position = 0;
        for party in party::all(inventory) {
            let id = names.add(party.role(), party.name());
            let flags = flags(&party, model, inventory);
            for &address in party.addresses() {
                let peer = Peer {
                    id,
                    row: rows.row(&party.facts(inventory, address)),
                    flags,
                    ifindex: 0,
                };
                addresses.push((address_bytes(address), peer));
            }
            if let Party::Endpoint(endpoint) = party {
                port_names.add(id, &endpoint.ports);
                if let Some(&slots) = slots.get(&position) {
                    endpoints.push(LocalEndpoint::new(endpoint, id, slots));
                }
                position += 1;
            }
        }
        addresses.sort_unstable_by_key(|(address, _)| *address);

        let prefixes = prefixes
            .iter()
            .map(|&network| {
                let row = rows.row(&party::outside(network));
                (
                    prefix_key(network),
                    Peer {
                        id: PEER_WORLD,
                        row,
                        flags: 0,
                        ifindex: 0,
                    },
                )
            })
            .collect();
        let tables = Self {
            signatures: rows.finish(),
            classes,
            endpoints,
            node,
            addresses,
            prefixes,
            port_names: port_names.finish(),
            names: Arc::new(names),
            slots,
            placement,
        };
        tables.check()?;
        Ok(tables)
    }

    /// Whether the maps hold as much.
    fn check(&self) -> Result<(), TablesError> {
        fit(self.endpoints.len(), MAX_ENDPOINTS, TablesError::Endpoints)?;
        fit(self.addresses.len(), MAX_ADDRESSES, TablesError::Addresses)?;
        fit(
            self.port_names.len(),
            MAX_NAMED_PORTS,
            TablesError::NamedPorts,
        )
    }

    /// The names that a receiver, by its peer id, has for a port.
    #[must_use]
    pub fn port_names(&self, receiver: u32, l4: L4Key) -> Names {
        let key = PortNamesKey { receiver, l4: l4.0 };
        let found = self.port_names.binary_search_by_key(&key, |(key, _)| *key);
        let found = found.ok().and_then(|index| self.port_names.get(index));
        found.map_or(Names::default(), |(_, names)| *names)
    }

    /// What the datapath's lookups find for an address: the exact entry, else the longest prefix.
    #[must_use]
    pub fn peer(&self, address: IpAddr) -> Option<Peer> {
        let address = address_bytes(address);
        if let Ok(index) = self
            .addresses
            .binary_search_by_key(&address, |(known, _)| *known)
        {
            return self.addresses.get(index).map(|(_, peer)| *peer);
        }
        let address = u128::from_be_bytes(address);
        let covers = |key: &PrefixKey| {
            let ignored = 128_u32.saturating_sub(key.length);
            ignored >= 128 || u128::from_be_bytes(key.address) >> ignored == address >> ignored
        };
        let covering = self.prefixes.iter().filter(|(key, _)| covers(key));
        covering
            .max_by_key(|(key, _)| key.length)
            .map(|(_, peer)| *peer)
    }

    /// The name of a peer. Unknown ids are `?`.
    #[must_use]
    pub fn name_of(&self, id: u32) -> &str {
        self.names.get(id).unwrap_or("?")
    }
}

/// Tables that are in force, and what they were computed from.
#[derive(Clone, Copy, Debug)]
pub struct Before<'b> {
    /// The Model.
    pub model: &'b Model,
    /// The inventory.
    pub inventory: &'b Inventory,
    /// The tables.
    pub tables: &'b NodeTables,
}

impl Before<'_> {
    /// For each endpoint, the position of the one before that it is, unchanged; the policies and whatever
    /// else says something of it being the same. `None` where they are not.
    fn same_endpoints(&self, model: &Model, inventory: &Inventory) -> Option<Vec<Option<u32>>> {
        let before = self.inventory;
        let is_same = std::ptr::eq(self.model, model)
            && before.node == inventory.node
            && before.namespaces == inventory.namespaces
            && before.remote_nodes == inventory.remote_nodes
            && before.addresses_of == inventory.addresses_of;
        is_same.then(|| inventory.same_endpoints(before))
    }

    /// Whether all that is said of peers remains: they are the same ones, and the same is asked about
    /// them.
    fn says_the_same(&self, model: &Model, inventory: &Inventory, placement: &Placement) -> bool {
        self.has_peers_of(model, inventory)
            && self
                .tables
                .placement
                .asks_the_same(self.model, placement, model)
    }

    /// Whether the peers are the same ones, but for what is asked about them.
    fn has_peers_of(&self, model: &Model, inventory: &Inventory) -> bool {
        std::ptr::eq(self.inventory, inventory) && self.model.host_access == model.host_access
    }
}

/// What the datapath knows of a peer besides its row.
fn flags(party: &Party<'_>, model: &Model, inventory: &Inventory) -> u32 {
    match party {
        Party::Node(_) if model.host_access == HostAccess::Allowed => {
            peer_flag::HOST | peer_flag::HOST_ACCESS
        }
        Party::Node(_) => peer_flag::HOST,
        Party::Endpoint(endpoint) => match inventory.place(endpoint) {
            Place::Elsewhere => 0,
            Place::Interface(_) | Place::Routed => peer_flag::LOCAL_ENDPOINT,
        },
        Party::RemoteNode(_) | Party::Entity { .. } => 0,
    }
}

fn governed(id: u32, slots: Option<Slots>) -> Option<GovernedNode> {
    slots.map(|slots| GovernedNode {
        id,
        ingress_slot: slots.ingress,
        egress_slot: slots.egress,
    })
}

/// The endpoints of tables for the same inventory, with these slots.
fn endpoints(slots: &BTreeMap<u32, Slots>, tables: &NodeTables) -> Vec<LocalEndpoint> {
    // Those with slots are on this node.
    let local = slots.values().zip(&tables.endpoints);
    local
        .map(|(slots, endpoint)| LocalEndpoint {
            ingress_slot: slots.ingress,
            egress_slot: slots.egress,
            ..endpoint.clone()
        })
        .collect()
}

/// Both default routes, and every CIDR block that a used selector mentions.
fn prefixes(model: &Model, placement: &Placement) -> BTreeSet<IpNet> {
    let mut prefixes: BTreeSet<IpNet> = [
        IpNet::V4(ipnet::Ipv4Net::default()),
        IpNet::V6(ipnet::Ipv6Net::default()),
    ]
    .into();
    for (_, selector) in placement.selectors() {
        if let Some(selector) = model.selector(selector) {
            selector.expr.visit_cidrs(&mut |network| {
                prefixes.insert(network.trunc());
            });
        }
    }
    prefixes
}

/// An address in the maps' form.
#[must_use]
pub fn address_bytes(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(address) => ipv4(address.octets()),
        IpAddr::V6(address) => address.octets(),
    }
}

/// An address from the maps' form.
#[must_use]
pub fn address_of(bytes: Address) -> IpAddr {
    std::net::Ipv6Addr::from(bytes).to_canonical()
}

fn prefix_key(network: IpNet) -> PrefixKey {
    let offset = match network {
        IpNet::V4(_) => IPV4_PREFIX_OFFSET,
        IpNet::V6(_) => 0,
    };
    PrefixKey {
        length: u32::from(network.prefix_len()) + offset,
        address: address_bytes(network.network()),
    }
}

#[cfg(test)]
mod tests;
