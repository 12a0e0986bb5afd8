//! Which named port is which bit.
//!
//! A named port is a number only at whoever receives the packet, so a program cannot hold it. It
//! asks the node instead, once: which names does the receiver have for this protocol and port? The
//! answer is a word with a bit for each of the package's names, and rules test it as they test the
//! peer's signature.

use std::collections::BTreeSet;

use polc_abi::policy::MAX_PORT_NAMES;
use polc_model::{L4Match, L4Term, Model, NamedPorts, PortProtocol};
use serde::{Deserialize, Serialize};

use crate::layout::constant;

/// A named port that rules ask for. A name of one protocol is another than that of the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortName {
    /// The protocol.
    pub protocol: PortProtocol,
    /// The name.
    pub name: String,
}

/// Index into [`Layout::names`](crate::Layout::names), and the bit of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameId(pub u32);

impl NameId {
    /// The position of its bit. `None` for one beyond what the word holds: programs that ask for it
    /// are not generated.
    #[must_use]
    pub const fn bit(self) -> Option<u32> {
        if (self.0 as usize) < MAX_PORT_NAMES {
            Some(self.0)
        } else {
            None
        }
    }
}

/// The names that the receiver of a packet has for its protocol and port: bit `i` is the name with
/// id `i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(pub u64);

impl Names {
    /// Whether the receiver has this name for the port.
    #[must_use]
    pub fn holds(self, name: NameId) -> bool {
        name.bit().is_some_and(|bit| self.0 >> bit & 1 == 1)
    }

    /// Adds a name.
    pub fn insert(&mut self, name: NameId) {
        if let Some(bit) = name.bit() {
            self.0 |= 1 << bit;
        }
    }
}

/// The names that rules ask for, in order. Rules that match no peer ask for none.
pub(crate) fn of(model: &Model) -> Vec<PortName> {
    let mut names = BTreeSet::new();
    for rule in &model.rules {
        let peer = model.selector(rule.peer);
        if peer.is_some_and(|peer| constant(&peer.expr) != Some(false)) {
            names.extend(of_match(&rule.l4).map(|(protocol, name)| PortName {
                protocol,
                name: name.to_owned(),
            }));
        }
    }
    names.into_iter().collect()
}

/// The names that a match asks for.
pub(crate) fn of_match(l4: &L4Match) -> impl Iterator<Item = (PortProtocol, &str)> {
    let terms: &[L4Term] = match l4 {
        L4Match::Any => &[],
        L4Match::Of(terms) => terms,
    };
    terms.iter().filter_map(|term| match term {
        L4Term::NamedPort { protocol, name } => Some((*protocol, name.as_str())),
        _ => None,
    })
}

/// The id of a name; `names` are in order.
pub(crate) fn find(names: &[PortName], protocol: PortProtocol, name: &str) -> Option<NameId> {
    let wanted = (protocol, name);
    let found = names.binary_search_by(|one| (one.protocol, one.name.as_str()).cmp(&wanted));
    Some(NameId(u32::try_from(found.ok()?).ok()?))
}

/// Those of an endpoint's named ports that rules ask for: protocol, port and id.
pub(crate) fn asked_for<'p>(
    names: &'p [PortName],
    ports: &'p NamedPorts,
) -> impl Iterator<Item = (PortProtocol, u16, NameId)> + 'p {
    ports.iter().filter_map(|(name, port)| {
        let id = find(names, port.protocol, name)?;
        Some((port.protocol, port.port, id))
    })
}
