//! A peer that shows that something is possible.

use std::{fmt, net::IpAddr};

use polc_model::{Labels, PeerFacts, PeerKind, l4::NO_PORTS};

use crate::search::OTHER;

/// A peer, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What kind of thing it is.
    pub kind: PeerKind,
    /// Whether an API server is there.
    pub is_kube_apiserver: bool,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its labels. A value that nothing mentions stands for any other value.
    pub labels: Labels,
    /// The labels of its namespace, likewise.
    pub namespace_labels: Labels,
    /// The DNS names that its address is an answer for.
    pub names: Vec<String>,
    /// Its address. `None` when any will do.
    pub address: Option<IpAddr>,
}

impl Witness {
    /// What selectors see of it.
    #[must_use]
    pub fn facts(&self) -> PeerFacts<'_> {
        PeerFacts {
            kind: self.kind,
            is_kube_apiserver: self.is_kube_apiserver,
            namespace: self.namespace.as_deref(),
            labels: &self.labels,
            namespace_labels: &self.namespace_labels,
            names: &self.names,
            ports: &NO_PORTS,
            network: self.address.map(Into::into),
        }
    }
}

/// In words, as in `an endpoint { app: "web" } in namespace "shop" at 10.0.0.0`.
impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PeerKind::Endpoint => f.write_str("an endpoint {")?,
            PeerKind::Init => f.write_str("an endpoint in init")?,
            PeerKind::Host => f.write_str("the node")?,
            PeerKind::RemoteNode => f.write_str("another node")?,
            PeerKind::Health => f.write_str("a health checker")?,
            PeerKind::Ingress => f.write_str("an ingress proxy")?,
            PeerKind::Unmanaged => f.write_str("an unmanaged workload")?,
            PeerKind::World => f.write_str("an address outside")?,
        }
        if self.kind.is_node() && !self.labels.is_empty() {
            f.write_str(" {")?;
            write_labels(f, &self.labels)?;
        }
        if self.kind == PeerKind::Endpoint {
            write_labels(f, &self.labels)?;
            if let Some(namespace) = &self.namespace {
                write!(f, " in namespace \"{namespace}\"")?;
            }
            if !self.namespace_labels.is_empty() {
                f.write_str(" in a namespace {")?;
                write_labels(f, &self.namespace_labels)?;
            }
        }
        if self.is_kube_apiserver {
            f.write_str(" with an API server")?;
        }
        if let Some(address) = self.address {
            write!(f, " at {address}")?;
        }
        for (position, name) in self.names.iter().enumerate() {
            let before = if position == 0 { " called" } else { " and" };
            write!(f, "{before} \"{name}\"")?;
        }
        Ok(())
    }
}

/// The rest of a label set whose brace is open.
fn write_labels(f: &mut fmt::Formatter<'_>, labels: &Labels) -> fmt::Result {
    for (position, (key, value)) in labels.iter().enumerate() {
        f.write_str(if position == 0 { " " } else { ", " })?;
        if value == OTHER {
            write!(f, "{key}: another value")?;
        } else {
            write!(f, "{key}: \"{value}\"")?;
        }
    }
    f.write_str(if labels.is_empty() { "}" } else { " }" })
}
