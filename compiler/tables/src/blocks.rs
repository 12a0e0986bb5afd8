//! The CIDR blocks that a node's selectors mention.

use std::collections::BTreeSet;

use ipnet::IpNet;

/// Blocks, and how to find those around an address.
pub(crate) struct Blocks<'a> {
    all: &'a BTreeSet<IpNet>,
    /// Lengths of blocks of either family that occur, the longest first.
    lengths: [Vec<u8>; 2],
}

impl<'a> Blocks<'a> {
    pub(crate) fn new(all: &'a BTreeSet<IpNet>) -> Self {
        let mut lengths = [BTreeSet::new(), BTreeSet::new()];
        for block in all {
            let [v4, v6] = &mut lengths;
            let family = if block.addr().is_ipv4() { v4 } else { v6 };
            family.insert(block.prefix_len());
        }
        let lengths = lengths.map(|lengths| lengths.into_iter().rev().collect());
        Self { all, lengths }
    }

    /// The blocks that contain a network, the smallest first.
    pub(crate) fn around(&self, network: IpNet) -> Vec<IpNet> {
        let [v4, v6] = &self.lengths;
        let lengths = if network.addr().is_ipv4() { v4 } else { v6 };
        lengths
            .iter()
            .filter(|&&length| length <= network.prefix_len())
            .filter_map(|&length| IpNet::new(network.addr(), length).ok())
            .map(|block| block.trunc())
            .filter(|block| self.all.contains(block))
            .collect()
    }
}
