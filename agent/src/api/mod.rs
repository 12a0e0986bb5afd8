//! The local API: JSON lines over a Unix socket that only root may open.
//!
//! A client sends one [`Request`] and reads [`Response`]s: one, or for `flows` one for each record
//! until it or the agent hangs up.

pub mod client;
pub mod explain;
pub mod server;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::explain::About;
use crate::{
    datapath::ProgramSize,
    flows::{Filter, FlowRecord, record::DecidedBy},
    followed::Followed,
    inspect::{endpoints::Endpoint, explain::Explanation, peers::Peer, policies::Policy},
    session::Session,
    trial::Seconds,
};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// How things are.
    Status,
    /// Put a bundle in force, an inventory, or both. The paths are absolute.
    Apply {
        /// The bundle; without it, the one in force stays.
        bundle: Option<PathBuf>,
        /// The inventory; without it, the one in force stays.
        inventory: Option<PathBuf>,
        /// What must not be cut by it, where there is no trial.
        #[serde(default)]
        session: Option<Session>,
        /// How long it is on trial.
        #[serde(default)]
        trial: Option<Seconds>,
    },
    /// Keep in force what is on trial.
    Confirm,
    /// Set endpoints beside the inventory, in place of those of the same names.
    SetEndpoints {
        /// A part of an inventory that says them.
        text: String,
        /// Where it is from, for messages.
        origin: PathBuf,
    },
    /// Remove an endpoint that was set.
    RemoveEndpoint {
        /// Its full name.
        name: String,
    },
    /// Records of flows.
    Flows {
        /// How many past ones.
        last: usize,
        /// Which.
        #[serde(default)]
        filter: Filter,
        /// What follows after them.
        then: After,
    },
    /// The endpoints on this node.
    Endpoints,
    /// Everybody that policies may speak about.
    Peers,
    /// The policies in force.
    Policies,
    /// Why a packet gets its verdict.
    Explain {
        /// Which.
        about: About,
    },
    /// Numbers for Prometheus.
    Metrics,
    /// Remove everything from the node and end.
    Detach,
}

/// What follows after past records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// Nothing.
    End,
    /// New ones as they come.
    Follow,
}

/// What the agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "snake_case")]
pub enum Response {
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Apply`].
    Applied {
        /// The bundle's name.
        bundle: String,
        /// The epoch from now on.
        epoch: u32,
        /// Who cuts the session that it was asked for through.
        #[serde(default)]
        cuts: Option<String>,
    },
    /// To [`Request::SetEndpoints`] and [`Request::RemoveEndpoint`]: what is in force now.
    Endpoint {
        /// Full names of endpoints that are set.
        set: Vec<String>,
        /// Full names of those that are not any more, or were not, and why.
        removed: Vec<(String, String)>,
        /// The epoch from now on.
        epoch: u32,
    },
    /// To [`Request::Confirm`].
    Confirmed {
        /// Since when it has been in force.
        epoch: u32,
    },
    /// To [`Request::Flows`].
    Flow(Box<FlowRecord>),
    /// To [`Request::Endpoints`].
    Endpoints {
        /// In order of the inventory.
        endpoints: Vec<Endpoint>,
    },
    /// To [`Request::Peers`].
    Peers {
        /// This node, endpoints, other nodes, other entities, blocks of addresses.
        peers: Vec<Peer>,
    },
    /// To [`Request::Policies`].
    Policies {
        /// In order of name.
        policies: Vec<Policy>,
    },
    /// To [`Request::Explain`].
    Explanation(Box<Explanation>),
    /// To [`Request::Metrics`].
    Metrics {
        /// In Prometheus' text format.
        text: String,
    },
    /// To [`Request::Detach`].
    Detached,
    /// To anything that went wrong.
    Error {
        /// In one line.
        message: String,
        /// What to do.
        help: String,
        /// The exit code it deserves.
        exit: u8,
    },
}

/// How things are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The package in force.
    pub package: String,
    /// The bundle in force, by digest.
    pub bundle: String,
    /// The key that signed it; `None` where signatures are not asked for.
    #[serde(default)]
    pub signed_by: Option<String>,
    /// Since which epoch.
    pub epoch: u32,
    /// The node's name.
    pub node: String,
    /// Process id of the agent.
    pub pid: u32,
    /// How following the inventory goes; `None` where it is not followed.
    #[serde(default)]
    pub followed: Option<Followed>,
    /// Seconds until what was in force before comes back; `None` where nothing is on trial.
    #[serde(default)]
    pub trial_seconds: Option<u64>,
    /// Endpoints on this node.
    pub endpoints: Vec<EndpointStatus>,
    /// Flows that both ends have agreed to, stale ones included.
    pub flows: usize,
    /// Flows that nobody has answered yet, or that were over with the answer; stale ones included.
    #[serde(default)]
    pub new_flows: usize,
    /// Events that the agent was too slow for.
    pub lost_events: u64,
    /// Drops by reason, where there were any.
    pub drops: Vec<Count>,
    /// Judgements by decider of the bundle in force.
    pub verdicts: Vec<DeciderCount>,
    /// The fixed programs.
    pub datapath: Vec<ProgramSize>,
    /// The generated programs. Unknown after a restart, until the next apply.
    pub programs: Vec<ProgramSize>,
}

/// An endpoint on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointStatus {
    /// Its name.
    pub name: String,
    /// Its interface; `None` while it is not known.
    pub interface: Option<String>,
    /// Policies that judge what comes to it.
    pub ingress: Vec<String>,
    /// Policies that judge what it sends.
    pub egress: Vec<String>,
    /// Whether what other endpoints of the node send it goes past the node's stack.
    #[serde(default)]
    pub is_direct: bool,
}

/// How often something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// What.
    pub name: String,
    /// Packets.
    pub packets: u64,
    /// Bytes from L3 on.
    pub bytes: u64,
}

/// How often somebody decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeciderCount {
    /// Who.
    pub decider: DecidedBy,
    /// Packets that were judged, not all packets of the flows.
    pub packets: u64,
    /// Bytes of them.
    pub bytes: u64,
}
