//! Types that the kernel's side and the agent's side of polc share, byte for byte.
//!
//! Everything here is `repr(C)`, has no padding that is not a named field, and is valid for
//! every bit pattern, so that a value may be copied to and from map memory as bytes. The tests
//! at the end of each module keep the layouts.
//!
//! - [`verdict`]: what a decision says: verdict, drop reason, and who decided
//! - [`key`]: how a packet is seen by policy: [`L4Key`](key::L4Key), addresses
//! - [`address`]: the table of exact addresses
//! - [`policy`]: what generated policy programs read and write
//! - [`node`]: endpoints, addresses, prefixes and the state word
//! - [`link`]: what delivering past the node's stack needs
//! - [`flow`]: connection tracking
//! - [`tcp`]: the state of a TCP connection
//! - [`lifetime`]: how long flows are remembered
//! - [`event`]: what the node reports
//! - [`map`]: names and sizes of the maps

#![no_std]

#[cfg(test)]
extern crate std;

pub mod address;
pub mod event;
pub mod flow;
pub mod key;
pub mod lifetime;
pub mod link;
pub mod map;
pub mod node;
pub mod policy;
pub mod tcp;
pub mod verdict;

/// A type that may be copied to and from map memory as bytes.
///
/// # Safety
/// The type is `repr(C)`, has no implicit padding, and is valid for every bit pattern.
pub unsafe trait Plain: Copy + 'static {}

// SAFETY: integers, and arrays of integers.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl<const N: usize> Plain for [u8; N] {}
// SAFETY: as above.
unsafe impl<const N: usize> Plain for [u64; N] {}

/// Version of everything in this crate. Pinned maps carry it in their names, so that an agent
/// never reads what another version wrote.
///
/// Three things are the same in every version, because an agent of another one reads them to take over:
/// the map [`STATE`](map::STATE), the names of pinned links, and the flows since [`FLOWS_SINCE`].
pub const ABI_VERSION: u32 = 7;

/// The version since which [`flow`] is as it is: its maps' names, keys and values.
pub const FLOWS_SINCE: u32 = 6;

/// Asserts size and the absence of padding: the sum of the field sizes must be the size.
#[cfg(test)]
macro_rules! assert_layout {
    ($type:ty, $size:expr, [$($field:ty),+ $(,)?]) => {
        assert_eq!(core::mem::size_of::<$type>(), $size, "size of {}", stringify!($type));
        assert_eq!(0 $(+ core::mem::size_of::<$field>())+, $size, "padding in {}", stringify!($type));
    };
}
#[cfg(test)]
pub(crate) use assert_layout;
