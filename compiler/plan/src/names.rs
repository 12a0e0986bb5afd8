//! Which named port is which bit.
//!
//! A named port is a number only at whoever receives the packet, so a program cannot hold it. It
//! asks the node instead, once: which names does the receiver have for this protocol and port? The
//! answer is a word with a bit for each of the names that the node's programs ask for, and rules test
//! it as they test the peer's signature. Which bit is a name's is the node's to say.

use std::collections::BTreeSet;

use polc_model::{L4Match, L4Term, Model, PortProtocol};
use serde::{Deserialize, Serialize};

use crate::{ClassKey, selectors::constant};

/// A named port that rules ask for. A name of one protocol is another than that of the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortName {
    /// The protocol.
    pub protocol: PortProtocol,
    /// The name.
    pub name: String,
}

/// Index into [`Layout::names`](crate::Layout::names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameId(pub u32);

/// The bit that a node gives a name: less than 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameBit(pub u32);

/// The names that the receiver of a packet has for its protocol and port, by the node's bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(pub u64);

impl Names {
    /// Whether the receiver has this name for the port.
    #[must_use]
    pub const fn holds(self, NameBit(bit): NameBit) -> bool {
        match self.0.checked_shr(bit) {
            Some(from) => from & 1 == 1,
            None => false,
        }
    }

    /// Adds a name.
    pub const fn insert(&mut self, NameBit(bit): NameBit) {
        if let Some(name) = 1_u64.checked_shl(bit) {
            self.0 |= name;
        }
    }
}

/// The names that the rules of a class ask for, in order. Rules that match no peer ask for none.
pub(crate) fn of(model: &Model, key: &ClassKey) -> Vec<PortName> {
    let mut names = BTreeSet::new();
    let policies = key.policies.iter();
    let rules = policies.flat_map(|&policy| model.rules_of(policy));
    for (_, rule) in rules.filter(|(_, rule)| rule.direction == key.direction) {
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
