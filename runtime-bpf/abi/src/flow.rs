//! Connection tracking. Each endpoint has flows of its own, so that both ends of a connection
//! inside one node are judged independently.

use crate::{Plain, key::Address};

/// A flow as one endpoint sees it. The same key serves both directions of the flow.
///
/// For ICMP echo both ports hold the identifier. Other protocols without ports hold zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct FlowKey {
    /// Index of the endpoint's interface: it names the endpoint for as long as its flows can live,
    /// whatever the inventory calls it.
    pub ifindex: u32,
    /// The endpoint's port, host order.
    pub local_port: u16,
    /// The peer's port, host order.
    pub remote_port: u16,
    /// The endpoint's address.
    pub local: Address,
    /// The peer's address.
    pub remote: Address,
    /// IP protocol.
    pub protocol: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for FlowKey {}

/// Which end sent the packet that started the flow; decides which policy direction judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Direction {
    /// The peer started it: the endpoint's ingress policy judges.
    Ingress = 0,
    /// The endpoint started it: its egress policy judges.
    Egress = 1,
}

impl Direction {
    /// Decodes a byte from map memory.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            0 => Some(Self::Ingress),
            1 => Some(Self::Egress),
            _ => None,
        }
    }
}

/// What is known of a flow. `judgement` is one aligned word so that CPUs never see half of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Flow {
    /// `epoch << 32 | decider`: when it was judged and by whom.
    pub judgement: u64,
    /// Monotonic nanoseconds of the first packet.
    pub created_ns: u64,
    /// Monotonic nanoseconds of the latest packet.
    pub seen_ns: u64,
    /// Packets sent by the end that started the flow.
    pub forward_packets: u64,
    /// Bytes of them, from L3 on.
    pub forward_bytes: u64,
    /// Packets of the other end.
    pub reply_packets: u64,
    /// Bytes of them, from L3 on.
    pub reply_bytes: u64,
    /// The [`L4Key`](crate::key::L4Key) of the packet that started it.
    pub l4: u32,
    /// A [`Direction`].
    pub direction: u8,
    /// A [`Verdict`](crate::verdict::Verdict). A denied flow was allowed once: it is kept so that
    /// its replies are not taken for flows of their own.
    pub verdict: u8,
    /// TCP flags seen so far, of either direction.
    pub tcp_flags: u8,
    /// Zero.
    pub reserved: u8,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Flow {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        crate::assert_layout!(FlowKey, 44, [u32, u16, u16, Address, Address, u8, [u8; 3]]);
        crate::assert_layout!(
            Flow,
            64,
            [u64, u64, u64, u64, u64, u64, u64, u32, u8, u8, u8, u8]
        );
    }
}
