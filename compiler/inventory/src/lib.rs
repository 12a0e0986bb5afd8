//! The **inventory**: what runs on a node and elsewhere. It touches only data: the same programs
//! serve every inventory.
//!
//! ```yaml
//! node:
//!   name: node-1
//!   addresses: [10.244.0.1, "fd00:244::1"]
//!   uplinks: [eth0]
//! endpoints:
//!   - name: web-1
//!     namespace: shop
//!     labels: { app: web, tier: frontend }
//!     interface: veth-web-1     # without it, the endpoint lives on another node
//!     addresses: [10.244.0.11, "fd00:244::11"]
//!     ports: { http: tcp 8080 } # what `tcp "http"` in a policy means here
//!   - name: job-7
//!     init: true                # its labels are not known yet
//!     interface: veth-job-7
//!     addresses: [10.244.0.12]
//! remote_nodes:
//!   - { name: node-2, addresses: [10.244.1.1] }
//! addresses_of:                 # the entities of the same names
//!   kube_apiserver: [10.244.1.1, 192.0.2.5]   # may be others' addresses too
//!   health: [10.244.0.5]
//!   ingress: [10.244.0.6]
//!   unmanaged: [10.244.0.99]
//! ```

mod part;
mod ports;
mod validate;

use std::{collections::BTreeSet, fmt, net::IpAddr};

use polc_model::{
    Entity, Labels, NamedPorts, PeerFacts, PeerKind, Phase, l4::NO_PORTS, selector::NO_LABELS,
};
use serde::{Deserialize, Serialize};

pub use part::Part;

/// What runs on a node and elsewhere. Valid by construction: see [`Inventory::parse`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// The node that the agent runs on.
    pub node: Node,
    /// Every endpoint of the cluster that policies may name.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// The other nodes.
    #[serde(default)]
    pub remote_nodes: Vec<RemoteNode>,
    /// Who else runs in the cluster.
    #[serde(default)]
    pub addresses_of: AddressesOf,
}

/// Addresses of entities that are no endpoints and no nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AddressesOf {
    /// The `kube_apiserver` entity. An address may also be an endpoint's, a node's or one of the
    /// others' here; if it is nobody's, it is outside.
    pub kube_apiserver: Vec<IpAddr>,
    /// The `health` entity.
    pub health: Vec<IpAddr>,
    /// The `ingress` entity.
    pub ingress: Vec<IpAddr>,
    /// The `unmanaged` entity.
    pub unmanaged: Vec<IpAddr>,
}

impl AddressesOf {
    /// Those that are nobody else's: kind, name of the entity, addresses.
    pub fn others(&self) -> impl Iterator<Item = (PeerKind, &'static str, &[IpAddr])> {
        [
            (PeerKind::Health, Entity::Health, &self.health),
            (PeerKind::Ingress, Entity::Ingress, &self.ingress),
            (PeerKind::Unmanaged, Entity::Unmanaged, &self.unmanaged),
        ]
        .into_iter()
        .map(|(kind, entity, addresses)| (kind, entity.name(), addresses.as_slice()))
    }
}

/// The node that the agent runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its own addresses: the `host` entity.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Interfaces that lead out of the node.
    #[serde(default)]
    pub uplinks: Vec<String>,
}

/// An endpoint, on this node or another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its name, unique in its namespace.
    pub name: String,
    /// Its namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether it is in `init`: its labels are not known yet.
    #[serde(default)]
    pub init: bool,
    /// Its labels. None in `init`.
    #[serde(default)]
    pub labels: Labels,
    /// The node's end of its link. `None` for an endpoint on another node.
    #[serde(default)]
    pub interface: Option<String>,
    /// Its addresses: it may send from no others.
    pub addresses: Vec<IpAddr>,
    /// Its named ports.
    #[serde(default, with = "ports", skip_serializing_if = "NamedPorts::is_empty")]
    pub ports: NamedPorts,
}

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteNode {
    /// Its name.
    pub name: String,
    /// Its addresses: the `remote_node` entity.
    pub addresses: Vec<IpAddr>,
}

/// An inventory that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryError {
    /// What is wrong.
    pub message: String,
    /// Line and column, where the text itself does not fit; counted from 1.
    pub location: Option<(usize, usize)>,
}

impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for InventoryError {}

impl Inventory {
    /// Reads YAML and checks that names and addresses are unique and interfaces usable.
    ///
    /// # Errors
    /// Text that is not such YAML, or an inventory that contradicts itself.
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let inventory: Self = serde_yaml::from_str(text).map_err(located)?;
        validate::validate(&inventory)?;
        Ok(inventory)
    }

    /// What selectors see of a peer, with whether an API server is at its address.
    #[must_use]
    pub fn with_apiserver<'a>(&self, facts: PeerFacts<'a>) -> PeerFacts<'a> {
        let address = facts.network.map(|network| network.addr());
        let is_kube_apiserver =
            address.is_some_and(|address| self.addresses_of.kube_apiserver.contains(&address));
        PeerFacts {
            is_kube_apiserver,
            ..facts
        }
    }

    /// The API servers' addresses that are nobody else's.
    pub fn outside_apiservers(&self) -> impl Iterator<Item = IpAddr> {
        let endpoints = self.endpoints.iter().flat_map(|one| &one.addresses);
        let nodes = self.remote_nodes.iter().flat_map(|one| &one.addresses);
        let others = self.addresses_of.others().flat_map(|(.., all)| all);
        let owned: BTreeSet<IpAddr> = endpoints
            .chain(nodes)
            .chain(others)
            .chain(&self.node.addresses)
            .copied()
            .collect();
        self.addresses_of
            .kube_apiserver
            .iter()
            .copied()
            .filter(move |address| !owned.contains(address))
    }
}

/// The parser puts the place at the end of its message, too.
fn located(error: serde_yaml::Error) -> InventoryError {
    let message = error.to_string();
    let Some(location) = error.location() else {
        return InventoryError {
            message,
            location: None,
        };
    };
    let (line, column) = (location.line(), location.column());
    let place = format!(" at line {line} column {column}");
    let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
    InventoryError {
        message,
        location: Some((line, column)),
    }
}

impl Endpoint {
    /// `namespace/name`, or the name alone.
    #[must_use]
    pub fn full_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether its labels are known.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        if self.init { Phase::Init } else { Phase::Ready }
    }

    /// What selectors see of it at one of its addresses. Whether an API server is there,
    /// [`Inventory::with_apiserver`] adds.
    #[must_use]
    pub fn facts(&self, address: Option<IpAddr>) -> PeerFacts<'_> {
        PeerFacts {
            kind: self.phase().kind(),
            is_kube_apiserver: false,
            namespace: self.namespace.as_deref(),
            labels: &self.labels,
            namespace_labels: &NO_LABELS,
            names: &[],
            ports: &self.ports,
            network: address.map(Into::into),
        }
    }
}

/// What selectors see of a peer that has no labels, at one of its addresses.
#[must_use]
pub fn node_facts(kind: PeerKind, address: IpAddr) -> PeerFacts<'static> {
    PeerFacts {
        kind,
        is_kube_apiserver: false,
        namespace: None,
        labels: &NO_LABELS,
        namespace_labels: &NO_LABELS,
        names: &[],
        ports: &NO_PORTS,
        network: Some(address.into()),
    }
}

#[cfg(test)]
mod tests;
