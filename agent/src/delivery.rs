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
        let mut reader = Reader::new(self.delivery);
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
        let mut reader = Reader::new(self.delivery);
        let behind = self.in_force.range(self.looked_at..);
        let begin = self.in_force.range(..self.looked_at);
        let next: Vec<u32> = behind
            .chain(begin)
            .map(|(&ifindex, _)| ifindex)
            .take(LINKS_PER_LOOK)
            .collect();
        for ifindex in next {
            self.known.insert(ifindex, reader.read(ifindex));
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

    fn read(&mut self, ifindex: u32) -> Link {
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
