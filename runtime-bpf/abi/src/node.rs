//! What the node knows: endpoints, addresses, prefixes, and which of its two sides is in force.
//!
//! Every table exists twice, as side 0 and side 1. The agent fills the side that is not in force,
//! then switches with one aligned 8-byte store of the [`State`] word. A packet reads the word
//! once and uses that side to its end, so it is never judged by a mix.

use crate::{Plain, key::Address, link::Link};

/// One of the two copies of the node's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// Tables whose names end in `_0`.
    Zero = 0,
    /// Tables whose names end in `_1`.
    One = 1,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Zero => Self::One,
            Self::One => Self::Zero,
        }
    }

    /// A peer as [`PolicyInput::receiver`](crate::policy::PolicyInput::receiver) names it: its id with
    /// the side in the upper bit, because both sides' ports are in one map.
    #[must_use]
    pub const fn receiver(self, peer: u32) -> u32 {
        peer | (self as u32) << 31
    }
}

/// The state word: which side is in force and since which epoch. Zero is "nothing applied yet",
/// and every packet is dropped.
///
/// The epoch grows with every change of policy or inventory; a flow that was judged in an older
/// epoch is judged again at its next packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct State(pub u64);

// SAFETY: one integer.
unsafe impl Plain for State {}

impl State {
    /// A word for this side and epoch. Epoch 0 never occurs in force.
    #[must_use]
    pub const fn new(side: Side, epoch: u32) -> Self {
        Self(((epoch as u64) << 32) | side as u64)
    }

    /// The side in force, or `None` when nothing has been applied.
    #[must_use]
    pub const fn side(self) -> Option<Side> {
        if self.epoch() == 0 {
            return None;
        }
        if self.0 & 1 == 0 {
            Some(Side::Zero)
        } else {
            Some(Side::One)
        }
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The word that puts `side` in force, one epoch later. Skips epoch 0 when it wraps.
    #[must_use]
    pub const fn next(self, side: Side) -> Self {
        let epoch = self.epoch().wrapping_add(1);
        Self::new(side, if epoch == 0 { 1 } else { epoch })
    }
}

/// In the place of an interface's index: the node itself, as the subject of policies. The kernel's
/// indices are positive 32-bit integers.
pub const NODE: u32 = u32::MAX - 1;

/// Addresses that one endpoint may have.
pub const ENDPOINT_ADDRESSES: usize = 4;

/// An endpoint on this node, found by the index of its interface on the node's side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Endpoint {
    /// The endpoint's peer id.
    pub id: u32,
    /// Slot of the program that judges what comes to the endpoint.
    pub ingress_slot: u32,
    /// Slot of the program that judges what the endpoint sends.
    pub egress_slot: u32,
    /// How many of `addresses` are in use.
    pub address_count: u32,
    /// Source addresses that the endpoint may use.
    pub addresses: [Address; ENDPOINT_ADDRESSES],
    /// How a packet is put into the endpoint past the node's stack.
    pub link: Link,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Endpoint {}

/// What the node knows of an address or a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Peer {
    /// Peer id: follows from the peer's name. Addresses outside share [`PEER_WORLD`].
    pub id: u32,
    /// Row in the signatures, which both sides share.
    pub row: u32,
    /// Bits of [`peer_flag`].
    pub flags: u32,
    /// Index of the interface of an endpoint that packets reach past the node's stack, see
    /// [`Link`]; [`OUTSIDE`](crate::link::OUTSIDE) for others that they reach so; [`NODE`] for the node,
    /// where policies apply to it; else zero.
    pub ifindex: u32,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Peer {}

/// The peer id of everything outside that has no id of its own.
pub const PEER_WORLD: u32 = 0;
/// Peer ids are below this.
pub const PEER_IDS: u32 = 1 << 31;

/// Flags of a [`Peer`].
pub mod peer_flag {
    /// This node itself.
    pub const HOST: u32 = 1;
    /// An endpoint on this node.
    pub const LOCAL_ENDPOINT: u32 = 2;
    /// The node is let through to its endpoints before any policy (`host_access` not restricted).
    pub const HOST_ACCESS: u32 = 4;
    /// In the table of addresses: the entry holds one.
    pub const IN_USE: u32 = 8;
}

/// Key of the longest-prefix tables, as the kernel wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct PrefixKey {
    /// Prefix length in bits, counted in the 128-bit form.
    pub length: u32,
    /// The address; bits beyond the prefix are zero.
    pub address: Address,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for PrefixKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        crate::assert_layout!(
            Endpoint,
            96,
            [u32, u32, u32, u32, [Address; ENDPOINT_ADDRESSES], Link]
        );
        crate::assert_layout!(Peer, 16, [u32, u32, u32, u32]);
        crate::assert_layout!(PrefixKey, 20, [u32, Address]);
    }

    #[test]
    fn nothing_is_in_force_before_the_first_apply() {
        assert_eq!(State::default().side(), None);
        let first = State::default().next(Side::Zero);
        assert_eq!((first.side(), first.epoch()), (Some(Side::Zero), 1));
    }

    #[test]
    fn the_epoch_skips_zero_when_it_wraps() {
        let last = State::new(Side::One, u32::MAX);
        assert_eq!(last.next(Side::Zero), State::new(Side::Zero, 1));
    }
}
