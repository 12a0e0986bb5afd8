//! The package's `test` items: what its authors say must happen.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Entity, L4Packet, Labels, NamedPorts, Origin, Phase, PolicyId, Request};

/// One `test` item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// What it says it shows.
    pub name: String,
    /// Its endpoints, in source order.
    pub endpoints: Vec<TestEndpoint>,
    /// DNS names that stand for addresses outside, in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Its expectations, in source order.
    pub checks: Vec<Check>,
    /// Where it was written.
    pub origin: Origin,
}

/// An endpoint that a test imagines: `given web_1 = endpoint { app: "web" } in namespace "shop"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestEndpoint {
    /// Its name in the test.
    pub name: String,
    /// Whether its labels are known.
    #[serde(default, skip_serializing_if = "Phase::is_ready")]
    pub phase: Phase,
    /// Its labels.
    pub labels: Labels,
    /// Its namespace.
    pub namespace: Option<String>,
    /// The labels of its namespace.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub namespace_labels: Labels,
    /// Its addresses, where the test gives them: `at 10.0.0.7`. Only CIDR rules look at them.
    pub addresses: Vec<IpAddr>,
    /// Its named ports.
    #[serde(default, skip_serializing_if = "NamedPorts::is_empty")]
    pub ports: NamedPorts,
    /// Where it was written.
    pub origin: Origin,
}

/// One expectation: `web_1 -> cart_1 tcp 8080 is allowed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Who starts the flow.
    pub source: Party,
    /// Who it is started to.
    pub destination: Party,
    /// What the first packet shows above L3.
    pub l4: L4Packet,
    /// What the flow shows above TCP. `None`: nothing yet, only the connection is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// What must happen.
    pub expected: Expectation,
    /// Where it was written.
    pub origin: Origin,
}

/// One end of a checked flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Index into [`Test::endpoints`].
    Endpoint(usize),
    /// An address outside.
    Address(IpAddr),
    /// Index into [`Test::names`]: an address outside that DNS answers for the name.
    Name(usize),
    /// The node of the endpoint at the other end.
    Host,
    /// Somebody of whom no more is known: another node, or [`Entity::KubeApiserver`] outside,
    /// [`Entity::Health`], [`Entity::Ingress`] or [`Entity::Unmanaged`].
    Entity(Entity),
}

impl Party {
    /// Entities that a test may name as a party, besides the host.
    pub const ENTITIES: [Entity; 5] = [
        Entity::RemoteNode,
        Entity::KubeApiserver,
        Entity::Health,
        Entity::Ingress,
        Entity::Unmanaged,
    ];
}

/// What a check expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// `is allowed`, or `is allowed by POLICY`: by at least one of the two directions.
    Allowed {
        /// The policy that must have decided.
        by: Option<PolicyId>,
    },
    /// `is denied`, or `is denied by POLICY`: by a rule of it or its isolation.
    Denied {
        /// The policy that must have decided.
        by: Option<PolicyId>,
    },
}
