//! The endpoint at the hook.

use polc_abi::{
    key::Address,
    node::{ENDPOINT_ADDRESSES, Endpoint, Side},
};

use crate::{bytes::same, maps};

/// Finds the endpoint behind the hook's interface.
#[inline(always)]
pub fn find(side: Side, ifindex: &u32) -> Option<&'static Endpoint> {
    maps::endpoint(side, ifindex)
}

/// Whether the address is one of the endpoint's.
#[inline(always)]
pub fn has(endpoint: &Endpoint, address: &Address) -> bool {
    let mut found = false;
    let mut position = 0;
    while position < ENDPOINT_ADDRESSES {
        found |= (position as u32) < endpoint.address_count
            && same(&endpoint.addresses[position], address);
        position += 1;
    }
    found
}
