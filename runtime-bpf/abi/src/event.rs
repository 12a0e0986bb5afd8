//! What the node reports: one event for each new flow and each drop, and counters.

use crate::{Plain, key::Address, node::Side, verdict::DeciderId};

/// A new flow, a flow judged again, or a drop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// Monotonic nanoseconds.
    pub time_ns: u64,
    /// Epoch that judged; deciders refer to the bundle of that epoch. Zero before the first.
    pub epoch: u32,
    /// The endpoint's id, or zero where none was found.
    pub endpoint: u32,
    /// Index of the interface that the hook belongs to.
    pub ifindex: u32,
    /// A [`DeciderId`].
    pub decider: u32,
    /// The [`DeciderId`] that would have dropped an allowed packet, were the audited policies
    /// enforced; else zero.
    pub audit: u32,
    /// Zero.
    pub reserved: u32,
    /// The packet's [`L4Key`](crate::key::L4Key).
    pub l4: u32,
    /// Bytes from L3 on.
    pub bytes: u32,
    /// Source of the packet.
    pub source: Address,
    /// Destination of the packet.
    pub destination: Address,
    /// Source port, host order.
    pub source_port: u16,
    /// Destination port, host order.
    pub destination_port: u16,
    /// A [`Verdict`](crate::verdict::Verdict).
    pub verdict: u8,
    /// A [`DropReason`](crate::verdict::DropReason), or zero when allowed.
    pub reason: u8,
    /// A [`Direction`](crate::flow::Direction): whose policy judged.
    pub direction: u8,
    /// A [`Hook`].
    pub hook: u8,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Event {}

/// Where a packet was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Hook {
    /// It came from an endpoint.
    FromEndpoint = 1,
    /// It is about to enter an endpoint.
    ToEndpoint = 2,
    /// It came from the uplink.
    FromUplink = 3,
    /// It is about to enter the node itself, from an uplink or an endpoint.
    ToNode = 4,
    /// The node itself sent it.
    FromNode = 5,
}

impl Hook {
    /// Decodes a byte from an event.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::FromEndpoint),
            2 => Some(Self::ToEndpoint),
            3 => Some(Self::FromUplink),
            4 => Some(Self::ToNode),
            5 => Some(Self::FromNode),
            _ => None,
        }
    }
}

/// Packets and bytes, counted per CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes from L3 on.
    pub bytes: u64,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Counter {}

/// Key of the per-decider counters: a decider and the side whose bundle it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct VerdictCounterKey(pub u32);

// SAFETY: one integer.
unsafe impl Plain for VerdictCounterKey {}

impl VerdictCounterKey {
    /// Packs both.
    #[must_use]
    pub const fn new(side: Side, decider: DeciderId) -> Self {
        Self(match side {
            Side::Zero => decider.0,
            Side::One => decider.0 | DeciderId::FREE_BIT,
        })
    }

    /// The side.
    #[must_use]
    pub const fn side(self) -> Side {
        if self.0 & DeciderId::FREE_BIT == 0 {
            Side::Zero
        } else {
            Side::One
        }
    }

    /// The decider.
    #[must_use]
    pub const fn decider(self) -> DeciderId {
        DeciderId(self.0 & !DeciderId::FREE_BIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        crate::assert_layout!(
            Event,
            80,
            [
                u64, u32, u32, u32, u32, u32, u32, u32, u32, Address, Address, u16, u16, u8, u8,
                u8, u8
            ]
        );
        crate::assert_layout!(Counter, 16, [u64, u64]);
    }

    #[test]
    fn counter_keys_keep_sides_apart() {
        let decider = DeciderId::rule(3);
        let key = VerdictCounterKey::new(Side::One, decider);
        assert_eq!((key.side(), key.decider()), (Side::One, decider));
        assert_ne!(key, VerdictCounterKey::new(Side::Zero, decider));
    }
}
