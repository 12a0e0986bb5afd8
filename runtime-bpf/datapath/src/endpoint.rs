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

/// Whether the address, one of those in the packet memory, is one of the endpoint's.
#[inline(always)]
pub fn has(endpoint: &Endpoint, address: &Address) -> bool {
    let mut position = 0;
    while position < ENDPOINT_ADDRESSES {
        // SAFETY: map values are aligned to eight bytes, and addresses lie in them at multiples of
        // eight: asserted here and in `packet`.
        if (position as u32) < endpoint.address_count
            && unsafe { same(&endpoint.addresses[position], address) }
        {
            return true;
        }
        position += 1;
    }
    false
}

const _: () = assert!(core::mem::offset_of!(Endpoint, addresses) % 8 == 0);
