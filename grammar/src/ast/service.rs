//! Services.

use super::{Name, PeerExpr};
use crate::Span;

/// `service cart_svc { … }`. A setting that occurs twice is an error of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name.
    pub name: Name,
    /// The addresses of every `address` line.
    pub addresses: Vec<Name>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Every `backends`.
    pub backends: Vec<PeerExpr>,
    /// Every `balance`.
    pub balances: Vec<Name>,
    /// Every `affinity`.
    pub affinities: Vec<Affinity>,
    /// Every `external`.
    pub externals: Vec<External>,
    /// Its doc comment.
    pub doc: Option<String>,
    /// From `service` to its name.
    pub head: Span,
    /// Whether all of it was understood.
    pub completeness: super::Completeness,
}

/// `port http: tcp 80 -> 8080`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name.
    pub name: Option<Name>,
    /// `tcp`, `udp` or `sctp`. Empty when left out.
    pub protocol: Name,
    /// The port at the service's addresses.
    pub port: Name,
    /// The port at the backends; the same when left out.
    pub target: Option<Name>,
    /// The whole statement.
    pub span: Span,
}

/// `affinity client_ip for 3h`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affinity {
    /// `client_ip`.
    pub by: Name,
    /// How long, not yet checked to be a duration.
    pub duration: Option<Name>,
    /// The whole statement.
    pub span: Span,
}

/// `external node_port 30080, policy local`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// The port at the nodes.
    pub node_port: Option<Name>,
    /// Which backends answer.
    pub policy: Option<Name>,
    /// The whole statement.
    pub span: Span,
}
