//! How packets get from the hook that judged them to their endpoint: past the node's stack, or through
//! it.
//!
//! Delivery past the stack needs a link whose ends are in two network namespaces, and the hardware
//! addresses of both. The kernel knows them; nothing is guessed from packets. They may change while
//! the link lives, so they are looked at again and again.

use std::collections::BTreeMap;

use clap::ValueEnum;
use polc_abi::link::{Link, OUTSIDE, link_flag};
use serde::Deserialize;
use tracing::warn;

use crate::sys::pair::Pairs;

/// How packets are delivered that may pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// From endpoint to endpoint of the node past its stack; everything else is routed
    #[default]
    Local,
    /// As `local`, and between endpoints and other machines: for nodes whose stack neither filters nor
    /// translates what passes through it
    Direct,
    /// All of it goes through the node's stack, and so through its netfilter rules
    Routed,
}

/// How many links are looked at at once: of more, each look sees others.
const LINKS_PER_LOOK: usize = 128;

/// What is known of the endpoints' links.
#[derive(Debug, Default)]
pub(crate) struct Links {
    delivery: Delivery,
    known: BTreeMap<u32, Link>,
    in_force: BTreeMap<u32, Link>,
    looked_at: u32,
}

impl Links {
    pub(crate) fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            ..Self::default()
        }
    }

    /// The links of these interfaces. Those that are known are not asked about again.
    pub(crate) fn of(&mut self, interfaces: impl Iterator<Item = u32>) -> BTreeMap<u32, Link> {
        let mut before = std::mem::take(&mut self.known);
        let reader = Reader::new(self.delivery);
        self.known = interfaces
            .map(|ifindex| {
                let known = before.remove(&ifindex);
                (ifindex, known.unwrap_or_else(|| reader.read(ifindex)))
            })
            .collect();
        self.known.clone()
    }

    /// What stands for the interface of who is no endpoint of this node, nor the node.
    pub(crate) const fn outside(&self) -> u32 {
        match self.delivery {
            Delivery::Direct => OUTSIDE,
            Delivery::Local | Delivery::Routed => 0,
        }
    }

    /// These are what the tables in force say.
    pub(crate) fn put_in_force(&mut self, links: BTreeMap<u32, Link>) {
        self.in_force = links;
    }

    /// The interfaces in force that packets reach past the node's stack.
    pub(crate) fn direct(&self) -> impl Iterator<Item = u32> {
        let direct = self.in_force.iter().filter(|(_, link)| link.is_direct());
        direct.map(|(&ifindex, _)| ifindex)
    }

    /// Looks at some of the links in force. Whether all that are known are still as the tables in force
    /// say.
    pub(crate) fn are_current(&mut self) -> bool {
        if self.delivery == Delivery::Routed {
            return true;
        }
        let reader = Reader::new(self.delivery);
        self.look(|ifindex| reader.read(ifindex))
    }

    fn look(&mut self, read: impl Fn(u32) -> Link) -> bool {
        let behind = self.in_force.range(self.looked_at..);
        let before = self.in_force.range(..self.looked_at);
        let next: Vec<u32> = behind
            .chain(before)
            .map(|(&ifindex, _)| ifindex)
            .take(LINKS_PER_LOOK)
            .collect();
        for ifindex in next {
            self.known.insert(ifindex, read(ifindex));
            self.looked_at = ifindex.wrapping_add(1);
        }
        let mut in_force = self.in_force.iter();
        in_force.all(|(ifindex, link)| self.known.get(ifindex) == Some(link))
    }
}

/// Reads links. Whatever cannot be read is routed to.
struct Reader {
    pairs: Option<Pairs>,
    flags: u16,
}

impl Reader {
    fn new(delivery: Delivery) -> Self {
        let pairs = match delivery {
            Delivery::Routed => None,
            Delivery::Local | Delivery::Direct => Pairs::open()
                .inspect_err(|error| warn!("everything is routed: opening rtnetlink: {error}"))
                .ok(),
        };
        let flags = match delivery {
            Delivery::Direct => link_flag::FROM_UPLINKS,
            Delivery::Local | Delivery::Routed => 0,
        };
        Self { pairs, flags }
    }

    fn read(&self, ifindex: u32) -> Link {
        let Some(pairs) = &self.pairs else {
            return Link::ROUTED;
        };
        // An interface that is gone has no pair either; what is made anew is another one.
        let Ok(Some(pair)) = pairs.pair(ifindex) else {
            return Link::ROUTED;
        };
        Link {
            endpoint_mac: pair.far.mac,
            node_mac: pair.near.mac,
            // No IP packet that is no jumbogram is longer.
            mtu: u16::try_from(pair.near.mtu.min(pair.far.mtu)).unwrap_or(u16::MAX),
            flags: self.flags,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Link = Link {
        endpoint_mac: [2, 0, 0, 0, 0, 1],
        node_mac: [2, 0, 0, 0, 0, 2],
        mtu: 1500,
        flags: 0,
    };

    #[test]
    fn a_change_of_any_link_is_noticed_after_a_few_looks() {
        let interfaces = 1..=3 * LINKS_PER_LOOK as u32 - 5;
        for changed in [1, 128, 129, 250, *interfaces.end()] {
            let mut links = Links::default();
            links.put_in_force(interfaces.clone().map(|ifindex| (ifindex, LINK)).collect());
            links.known = links.in_force.clone();
            // Wherever the last look ended.
            for _ in 0..changed % 4 {
                assert!(links.look(|_| LINK));
            }
            let read = |ifindex| {
                if ifindex == changed {
                    Link { mtu: 1400, ..LINK }
                } else {
                    LINK
                }
            };
            let looks = (1..10).find(|_| !links.look(read)).unwrap();
            assert!(looks <= 4, "{changed}: {looks}");
            // It stays so until other tables are in force.
            assert!(!links.look(read));
            links.put_in_force(links.known.clone());
            assert!(links.look(read));
        }
    }

    #[test]
    fn what_is_routed_is_not_looked_at() {
        let mut links = Links::new(Delivery::Routed);
        let known = links.of([1, 2].into_iter());
        assert_eq!(known, [(1, Link::ROUTED), (2, Link::ROUTED)].into());
        links.put_in_force(known);
        assert!(links.are_current());
        assert_eq!(links.direct().count(), 0);
    }
}
