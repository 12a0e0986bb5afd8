//! Services: addresses that stand for backends.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Origin, PortProtocol, SelectorId};

/// One `service` item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The name, unique in the package.
    pub name: String,
    /// Its addresses, at least one. Sorted, without repetition.
    pub addresses: Vec<IpAddr>,
    /// Its ports, in source order, at least one.
    pub ports: Vec<ServicePort>,
    /// The endpoints that answer.
    pub backends: SelectorId,
    /// How a backend is chosen.
    pub balance: Balance,
    /// For how many seconds a client keeps its backend; `None` when it does not.
    pub affinity: Option<u32>,
    /// How it is reached from outside the cluster, if it is.
    pub external: Option<External>,
    /// Its doc comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// `http: tcp 80 -> 8080`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Its name, unique in the service.
    pub name: Option<String>,
    /// The protocol.
    pub protocol: PortProtocol,
    /// The port at the service's addresses. Unique for a protocol.
    pub port: u16,
    /// The port at the backends.
    pub target: u16,
}

/// How a backend is chosen for a new flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// At random.
    #[default]
    Random,
    /// One after the other.
    RoundRobin,
    /// By a hash of the flow that moves few flows when backends change.
    Maglev,
}

impl Balance {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Random, Self::RoundRobin, Self::Maglev];

    /// The name in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::RoundRobin => "round_robin",
            Self::Maglev => "maglev",
        }
    }
}

/// `external node_port 30080, policy local`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// The port at the nodes' addresses.
    pub node_port: u16,
    /// Which backends answer what arrives there.
    pub policy: ExternalPolicy,
}

/// Which backends answer what arrives at a node from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExternalPolicy {
    /// Those of every node.
    #[default]
    Cluster,
    /// Those of that node, which see the client's address.
    Local,
}

impl ExternalPolicy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cluster, Self::Local];

    /// The name in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Local => "local",
        }
    }
}
