//! The **inventory**: what runs on a node and elsewhere. It touches only data: the same programs
//! serve every inventory.
//!
//! ```yaml
//! node:
//!   name: node-1
//!   addresses: [10.244.0.1, "fd00:244::1"]
//!   uplinks: [eth0]
//!   labels: { zone: a }
//! endpoints:
//!   - name: web-1
//!     namespace: shop
//!     labels: { app: web, tier: frontend }
//!     interface: veth-web-1     # the node's end of its link, for an endpoint on this node
//!     addresses: [10.244.0.11, "fd00:244::11"]
//!     ports: { http: tcp 8080 } # what `tcp "http"` in a policy means here
//!   - name: api-1
//!     namespace: shop
//!     node: node-1              # on this node too: the interface is where its addresses are routed
//!     addresses: [10.244.0.13]
//!   - name: job-7
//!     init: true                # its labels are not known yet
//!     interface: veth-job-7
//!     addresses: [10.244.0.12]
//!   - name: db-1                # neither interface nor this node: it lives elsewhere
//!     namespace: shop
//!     addresses: [10.244.1.11]
//! namespaces:                   # their labels, besides `kubernetes.io/metadata.name`
//!   shop: { team: payments }
//! remote_nodes:
//!   - { name: node-2, addresses: [10.244.1.1], labels: { zone: b } }
//! addresses_of:                 # the entities of the same names
//!   kube_apiserver: [10.244.1.1, 192.0.2.5]   # may be others' addresses too
//!   health: [10.244.0.5]
//!   ingress: [10.244.0.6]
//!   unmanaged: [10.244.0.99]
//! ```
//!
//! The objects of Kubernetes say the same in other words; see [`Part::parse`].

mod kubernetes;
mod part;
mod ports;
mod validate;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    sync::Arc,
};

use polc_model::{
    Entity, Labels, NamedPorts, PeerFacts, PeerKind, Phase, l4::NO_PORTS, selector::NO_LABELS,
};
use serde::{Deserialize, Serialize};

pub use kubernetes::INTERFACE_ANNOTATION;
pub use part::{Part, PartRef, ThisNode, WithoutEndpoint, is_part};
pub use polc_model::selector::NAMESPACE_NAME_LABEL;

/// What runs on a node and elsewhere. Valid by construction: see [`Inventory::parse`]. Endpoints are
/// shared with the inventories that come before and after, which most often have the same ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// The node that the agent runs on.
    pub node: Node,
    /// Every endpoint of the cluster that policies may name.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Labels of namespaces: of every endpoint's, at least [`NAMESPACE_NAME_LABEL`].
    pub namespaces: BTreeMap<String, Labels>,
    /// The other nodes.
    pub remote_nodes: Vec<RemoteNode>,
    /// Who else runs in the cluster.
    pub addresses_of: AddressesOf,
}

/// Addresses of entities that are no endpoints and no nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a mapping with lists of addresses"
)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping with `name`, `addresses` and the like"
)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its own addresses: the `host` entity.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Interfaces that lead out of the node.
    #[serde(default)]
    pub uplinks: Vec<String>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// An endpoint, on this node or another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping with `name`, `addresses` and the like"
)]
pub struct Endpoint {
    /// Its name, unique in its namespace.
    pub name: String,
    /// Its namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether it is in `init`: its labels are not known yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
    /// Its labels. None in `init`. Many endpoints may share them.
    #[serde(default)]
    pub labels: Arc<Labels>,
    /// The node that it is on. `None` where its interface says so: with one, it is on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The node's end of its link. `None` for an endpoint on another node, and where the interface is
    /// the one that its addresses are routed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its addresses: it may send from no others.
    pub addresses: Vec<IpAddr>,
    /// Its named ports.
    #[serde(default, with = "ports", skip_serializing_if = "NamedPorts::is_empty")]
    pub ports: NamedPorts,
}

/// Where an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'e> {
    /// On another node.
    Elsewhere,
    /// On this node, behind this interface.
    Interface(&'e str),
    /// On this node, behind the interface that its addresses are routed to.
    Routed,
}

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping with `name` and `addresses`"
)]
pub struct RemoteNode {
    /// Its name.
    pub name: String,
    /// Its addresses: the `remote_node` entity.
    pub addresses: Vec<IpAddr>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
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

impl InventoryError {
    pub(crate) const fn of_the_whole(message: String) -> Self {
        Self {
            message,
            location: None,
        }
    }
}

impl Inventory {
    /// Reads a text that says everything, `node` too, and checks that names and addresses are unique
    /// and interfaces usable.
    ///
    /// # Errors
    /// As [`Part::parse`] and [`Self::of_parts`].
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let part = Part::parse(text)?;
        Self::of_parts([("the inventory", &part)], &ThisNode::AsSaid)
    }

    /// Where an endpoint is.
    #[must_use]
    pub fn place<'e>(&self, endpoint: &'e Endpoint) -> Place<'e> {
        let is_elsewhere = match &endpoint.node {
            Some(node) => *node != self.node.name,
            None => endpoint.interface.is_none(),
        };
        match &endpoint.interface {
            _ if is_elsewhere => Place::Elsewhere,
            Some(interface) => Place::Interface(interface),
            None => Place::Routed,
        }
    }

    /// What selectors see of an endpoint at one of its addresses.
    #[must_use]
    pub fn facts<'a>(&'a self, endpoint: &'a Endpoint, address: Option<IpAddr>) -> PeerFacts<'a> {
        let namespace = endpoint.namespace.as_deref();
        let labels = namespace.and_then(|namespace| self.namespaces.get(namespace));
        self.with_apiserver(PeerFacts {
            kind: endpoint.phase().kind(),
            is_kube_apiserver: false,
            namespace,
            labels: &endpoint.labels,
            namespace_labels: labels.unwrap_or(&NO_LABELS),
            names: &[],
            ports: &endpoint.ports,
            network: address.map(Into::into),
        })
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
        let owned = endpoints
            .chain(nodes)
            .chain(others)
            .chain(&self.node.addresses);
        let servers = &self.addresses_of.kube_apiserver;
        let mut outside: BTreeSet<IpAddr> = servers.iter().copied().collect();
        if !outside.is_empty() {
            owned.for_each(|address| {
                outside.remove(address);
            });
        }
        let servers = servers.iter().copied();
        servers.filter(move |address| outside.contains(address))
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

    /// Its namespace and name.
    fn key(&self) -> (Option<&str>, &str) {
        (self.namespace.as_deref(), &self.name)
    }

    /// Whether its labels are known.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        if self.init { Phase::Init } else { Phase::Ready }
    }
}

impl Node {
    /// What selectors see of it, whichever of its addresses is meant.
    #[must_use]
    pub fn facts(&self) -> PeerFacts<'_> {
        PeerFacts {
            labels: &self.labels,
            ..PeerFacts::host()
        }
    }
}

/// What selectors see of a peer that is no endpoint, at one of its addresses. Only nodes have labels.
#[must_use]
pub fn node_facts(kind: PeerKind, labels: &Labels, address: IpAddr) -> PeerFacts<'_> {
    PeerFacts {
        kind,
        is_kube_apiserver: false,
        namespace: None,
        labels,
        namespace_labels: &NO_LABELS,
        names: &[],
        ports: &NO_PORTS,
        network: Some(address.into()),
    }
}

#[cfg(test)]
mod tests;
