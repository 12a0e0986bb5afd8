//! A peer that shows that something is possible.

use std::{fmt, net::IpAddr};

use polc_model::{Labels, PeerFacts, PeerKind};

use crate::search::OTHER;

/// A peer, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What kind of thing it is.
    pub kind: PeerKind,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its labels. A value that nothing mentions stands for any other value.
    pub labels: Labels,
    /// Its address. `None` when any will do.
    pub address: Option<IpAddr>,
}

impl Witness {
    /// What selectors see of it.
    #[must_use]
    pub fn facts(&self) -> PeerFacts<'_> {
        PeerFacts {
            kind: self.kind,
            namespace: self.namespace.as_deref(),
            labels: &self.labels,
            network: self.address.map(Into::into),
        }
    }
}

/// In words, as in `an endpoint { app: "web" } in namespace "shop" at 10.0.0.0`.
impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PeerKind::Endpoint => f.write_str("an endpoint {")?,
            PeerKind::Host => f.write_str("the node")?,
            PeerKind::RemoteNode => f.write_str("another node")?,
            PeerKind::World => f.write_str("an address outside")?,
        }
        if self.kind == PeerKind::Endpoint {
            for (position, (key, value)) in self.labels.iter().enumerate() {
                f.write_str(if position == 0 { " " } else { ", " })?;
                if value == OTHER {
                    write!(f, "{key}: another value")?;
                } else {
                    write!(f, "{key}: \"{value}\"")?;
                }
            }
            f.write_str(if self.labels.is_empty() { "}" } else { " }" })?;
            if let Some(namespace) = &self.namespace {
                write!(f, " in namespace \"{namespace}\"")?;
            }
        }
        match self.address {
            Some(address) => write!(f, " at {address}"),
            None => Ok(()),
        }
    }
}
