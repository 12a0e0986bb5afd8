//! From an address to what the node knows of it.

use polc_abi::{
    key::Address,
    node::{Peer, Side},
};

use crate::maps;

/// The peer with this address, or what the longest prefix around it says.
#[inline(always)]
pub fn find(side: Side, address: &Address) -> Option<&'static Peer> {
    match maps::address(side, address) {
        Some(peer) => Some(peer),
        None => maps::prefix(side, *address),
    }
}
