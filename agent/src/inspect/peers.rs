//! Everybody that policies may speak about: who has an address, and blocks of addresses.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::IpNet;
use polc_abi::{key::IPV4_PREFIX_OFFSET, node::PrefixKey};
use polc_model::{Model, PeerFacts, RuleId, SelectorId, l4::NO_PORTS, selector::NO_LABELS};
use polc_tables::address_of;
use serde::{Deserialize, Serialize};

use super::party::{self, Party, kind_name};
use crate::candidate::Candidate;

/// Somebody that policies may speak about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Full name; `world` for a block of addresses.
    pub name: String,
    /// `endpoint`, `init`, `host`, `remote_node`, `health`, `ingress`, `unmanaged` or `world`.
    pub kind: String,
    /// The endpoint's interface, where it is on this node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The block of addresses that nobody of the inventory has, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<IpNet>,
    /// The policies with rules that select it.
    pub policies: Vec<String>,
}

/// Everybody that the inventory knows, and the blocks that policies on this node mention.
#[must_use]
pub fn collect(candidate: &Candidate) -> Vec<Peer> {
    let speakers = Speakers::of(&candidate.meaning.model);
    let parties = party::all(&candidate.meaning.inventory);
    let interfaces: BTreeMap<&str, &str> = candidate
        .local_endpoints()
        .filter_map(|(local, interface)| Some((local.name.as_str(), interface?)))
        .collect();
    let interface = |party: &Party<'_>| {
        let name = party.is_here.then_some(party.name.as_str())?;
        interfaces.get(name).map(|&name| name.to_owned())
    };
    let known = parties.iter().map(|party| Peer {
        name: party.name.clone(),
        kind: kind_name(party.kind).to_owned(),
        interface: interface(party),
        addresses: party.addresses().collect(),
        block: None,
        policies: speakers.about(party.at.iter().map(|(_, facts)| facts)),
    });
    let blocks = candidate.tables.prefixes.iter().filter_map(|(key, _)| {
        let block = block_of(*key)?;
        let facts = PeerFacts {
            network: Some(block),
            labels: &NO_LABELS,
            namespace_labels: &NO_LABELS,
            ports: &NO_PORTS,
            ..PeerFacts::world(block.addr())
        };
        Some(Peer {
            name: "world".to_owned(),
            kind: "world".to_owned(),
            interface: None,
            addresses: Vec::new(),
            block: Some(block),
            policies: speakers.about([&facts]),
        })
    });
    known.chain(blocks).collect()
}

/// Which policies speak about whom.
struct Speakers<'a> {
    model: &'a Model,
    /// Each selector of a rule, with the policies of its rules, in order.
    by_selector: Vec<(SelectorId, Vec<&'a str>)>,
}

impl<'a> Speakers<'a> {
    fn of(model: &'a Model) -> Self {
        let mut pairs: Vec<(SelectorId, &str)> = (0..model.rules.len())
            .filter_map(|index| model.rule(RuleId::new(index)))
            .filter_map(|rule| Some((rule.peer, model.policy(rule.policy)?.name.as_str())))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let by_selector = pairs
            .chunk_by(|one, other| one.0 == other.0)
            .filter_map(|pairs| {
                let (selector, _) = pairs.first()?;
                Some((*selector, pairs.iter().map(|(_, name)| *name).collect()))
            })
            .collect();
        Self { model, by_selector }
    }

    fn about<'f>(&self, facts: impl IntoIterator<Item = &'f PeerFacts<'f>> + Clone) -> Vec<String> {
        let selects = |selector: SelectorId| {
            self.model.selector(selector).is_some_and(|selector| {
                let mut all = facts.clone().into_iter();
                all.any(|facts| selector.expr.matches(facts))
            })
        };
        let mut names: Vec<&str> = self
            .by_selector
            .iter()
            .filter(|(selector, _)| selects(*selector))
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(str::to_owned).collect()
    }
}

/// The block of a prefix. `None` for a length that no table holds.
fn block_of(key: PrefixKey) -> Option<IpNet> {
    let address = address_of(key.address);
    let is_v4 = key.length >= IPV4_PREFIX_OFFSET && address.is_ipv4();
    let (address, length) = if is_v4 {
        (address, key.length - IPV4_PREFIX_OFFSET)
    } else {
        (Ipv6Addr::from(key.address).into(), key.length)
    };
    IpNet::new(address, u8::try_from(length).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_shown_as_they_are_written() {
        let shown = |length, address: &str| {
            let address: Ipv6Addr = address.parse().unwrap();
            let key = PrefixKey {
                length,
                address: address.octets(),
            };
            block_of(key).map(|block| block.to_string())
        };
        assert_eq!(shown(96, "::ffff:0.0.0.0").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(shown(104, "::ffff:10.0.0.0").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(shown(0, "::").as_deref(), Some("::/0"));
        assert_eq!(shown(32, "2001:db8::").as_deref(), Some("2001:db8::/32"));
        assert_eq!(shown(129, "::"), None);
    }
}
