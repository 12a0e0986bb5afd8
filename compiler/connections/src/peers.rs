//! Who can be at an end of a connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use polc_model::{Direction, Model, PeerFacts, PeerKind, SelectorExpr, SelectorId, l4::NO_PORTS};

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Addresses outside the cluster.
    Addresses(AddressRange),
    /// What a name stands for, outside the cluster. The first label may be `*`.
    Name(String),
    /// What lets traffic in, as Ingress and Route objects say.
    IngressController,
    /// Workloads: `namespace/name[Kind]`.
    Workload(String),
}

/// Addresses from the first to the last, which is included. Both are of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRange {
    /// The first.
    pub first: IpAddr,
    /// The last.
    pub last: IpAddr,
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(range) => write!(f, "{range}[External]"),
            Self::Name(name) => write!(f, "{name}[External]"),
            Self::IngressController => f.write_str("{ingress-controller}"),
            Self::Workload(title) => f.write_str(title),
        }
    }
}

/// A peer that is no workload, as selectors see it.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    pub(crate) peer: Peer,
    names: Vec<String>,
}

impl Outside {
    fn of(peer: Peer) -> Self {
        let names = match &peer {
            Peer::Name(name) => vec![name.clone()],
            _ => Vec::new(),
        };
        Self { peer, names }
    }

    /// What selectors see. No block divides a range: what holds of its first address holds of all.
    pub(crate) fn facts(&self) -> PeerFacts<'_> {
        let network = match &self.peer {
            Peer::Addresses(range) => Some(IpNet::from(range.first)),
            _ => None,
        };
        let kind = match self.peer {
            Peer::IngressController => PeerKind::Ingress,
            _ => PeerKind::World,
        };
        PeerFacts {
            kind,
            names: &self.names,
            ports: &NO_PORTS,
            network,
            ..PeerFacts::host()
        }
    }
}

/// The peers outside that rules of a direction tell apart: ranges of addresses, names, and for ingress
/// what lets traffic in. Addresses of IPv6 only where a rule of
/// either direction has a block of them.
pub(crate) fn outside(model: &Model, direction: Direction) -> Vec<Outside> {
    let mut blocks: BTreeSet<IpNet> = BTreeSet::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut has_v6 = false;
    let mut selectors: BTreeMap<SelectorId, &SelectorExpr> = BTreeMap::new();
    for rule in &model.rules {
        let Some(selector) = model.selector(rule.peer) else {
            continue;
        };
        selector.expr.visit_leaves(&mut |leaf| match leaf {
            SelectorExpr::Cidr(block) => {
                has_v6 |= block.addr().is_ipv6();
                if rule.direction == direction {
                    selectors.insert(rule.peer, &selector.expr);
                    blocks.insert(*block);
                }
            }
            SelectorExpr::Dns(name) if rule.direction == direction => {
                names.insert(name.clone());
            }
            _ => {}
        });
    }
    let mut ranges = ranges_v4(&blocks);
    if has_v6 {
        ranges.extend(ranges_v6(&blocks));
    }
    let ranges = told_apart(ranges, selectors.values().copied());
    let ranges = ranges.into_iter().map(Peer::Addresses);
    let mut outside: Vec<Outside> = ranges.map(Outside::of).collect();
    match direction {
        Direction::Egress => {
            outside.extend(names.into_iter().map(|name| Outside::of(Peer::Name(name))))
        }
        Direction::Ingress => outside.push(Outside::of(Peer::IngressController)),
    }
    outside
}

/// Neighbours that the same selectors select are one.
fn told_apart<'a>(
    ranges: Vec<AddressRange>,
    selectors: impl Iterator<Item = &'a SelectorExpr> + Clone,
) -> Vec<AddressRange> {
    let mut merged: Vec<(AddressRange, Vec<bool>)> = Vec::new();
    for range in ranges {
        let outside = Outside::of(Peer::Addresses(range));
        let facts = outside.facts();
        let selected: Vec<bool> = selectors.clone().map(|expr| expr.matches(&facts)).collect();
        match merged.last_mut() {
            Some((before, like))
                if *like == selected && before.first.is_ipv4() == range.first.is_ipv4() =>
            {
                before.last = range.last;
            }
            _ => merged.push((range, selected)),
        }
    }
    merged.into_iter().map(|(range, _)| range).collect()
}

fn ranges_v4(blocks: &BTreeSet<IpNet>) -> Vec<AddressRange> {
    let mut starts = BTreeSet::from([0u32]);
    for block in blocks {
        if let IpNet::V4(block) = block {
            starts.insert(block.network().to_bits());
            starts.extend(block.broadcast().to_bits().checked_add(1));
        }
    }
    let ends = starts.iter().skip(1).map(|next| next - 1);
    let ends: Vec<u32> = ends.chain([u32::MAX]).collect();
    let ranges = starts.into_iter().zip(ends);
    let ranges = ranges.map(|(first, last)| AddressRange {
        first: Ipv4Addr::from_bits(first).into(),
        last: Ipv4Addr::from_bits(last).into(),
    });
    ranges.collect()
}

fn ranges_v6(blocks: &BTreeSet<IpNet>) -> Vec<AddressRange> {
    let mut starts = BTreeSet::from([0u128]);
    for block in blocks {
        if let IpNet::V6(block) = block {
            starts.insert(block.network().to_bits());
            starts.extend(block.broadcast().to_bits().checked_add(1));
        }
    }
    let ends = starts.iter().skip(1).map(|next| next - 1);
    let ends: Vec<u128> = ends.chain([u128::MAX]).collect();
    let ranges = starts.into_iter().zip(ends);
    let ranges = ranges.map(|(first, last)| AddressRange {
        first: Ipv6Addr::from_bits(first).into(),
        last: Ipv6Addr::from_bits(last).into(),
    });
    ranges.collect()
}
