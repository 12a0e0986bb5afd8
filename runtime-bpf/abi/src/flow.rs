//! Connection tracking. Each endpoint has flows of its own, so that both ends of a connection
//! inside one node are judged independently.

use crate::{
    Plain,
    key::{Address, protocol},
    tcp::{TcpEnd, TcpState},
    verdict::{DeciderId, Verdict},
};

/// A flow as one endpoint sees it. The same key serves both directions of the flow.
///
/// ICMP echo has the identifier as the port of the end that asks and zero as the other's, so that
/// a ping in the other direction is a flow of its own. Other ICMP messages have type and code
/// (`type << 8 | code`) as both ports. Other protocols without ports hold zero.
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

/// When a flow was judged, by whom, and how: one aligned word, so that CPUs that judge one flow at
/// the same time never leave the verdict of one beside the epoch of another.
///
/// `epoch << 32 | denied << 31 | answered << 30 | decider`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Judgement(pub u64);

impl Judgement {
    /// Packs the three.
    #[must_use]
    pub const fn new(epoch: u32, verdict: Verdict, decider: DeciderId) -> Self {
        let verdict = match verdict {
            Verdict::Allow => 0,
            Verdict::Deny => DENIED,
            Verdict::Reject => DENIED | ANSWERED,
        };
        Self(((epoch as u64) << 32) | verdict as u64 | decider.0 as u64)
    }

    /// The epoch of the policy that judged.
    #[must_use]
    pub const fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The verdict.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self.0 as u32 & (DENIED | ANSWERED) {
            0 => Verdict::Allow,
            DENIED => Verdict::Deny,
            _ => Verdict::Reject,
        }
    }

    /// Who decided; refers to the bundle of [`Self::epoch`].
    #[must_use]
    pub const fn decider(self) -> DeciderId {
        DeciderId(self.0 as u32 & !(DENIED | ANSWERED))
    }
}

const DENIED: u32 = DeciderId::FREE_BIT;
const ANSWERED: u32 = DeciderId::SECOND_FREE_BIT;

/// What is known of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Flow {
    /// A [`Judgement`]. A denied flow was allowed once: it is kept so that its replies are not
    /// taken for flows of their own.
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
    /// Zero.
    pub reserved: [u8; 3],
    /// Where the flow's packets go past the node's stack: index of the other end's interface, or
    /// [`OUTSIDE`](crate::link::OUTSIDE) where that is no endpoint of this node.
    /// [`NODE`](crate::node::NODE) where the other end is the node and its policies are asked, too. Else
    /// zero. A flow that began in the stack stays there: the stack
    /// may have translated its addresses.
    pub past_stack: u32,
    /// Zero.
    pub reserved_too: u32,
    /// TCP: what the end that started the flow has done.
    pub initiator: TcpEnd,
    /// TCP: what the other end has done.
    pub responder: TcpEnd,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Flow {}

impl Flow {
    /// The state of a TCP connection.
    #[inline(always)]
    #[must_use]
    pub const fn tcp_state(&self) -> TcpState {
        TcpState::of(self.initiator.progress, self.responder.progress)
    }

    /// Whether both ends have shown that they want the flow, so that it belongs in the table of
    /// settled flows: a TCP connection, from its handshake to its end; of other protocols, a flow
    /// whose initiator goes on after it was answered. A question and its answer (DNS, ICMP echo)
    /// are over before that. `forward` is whether the initiator sent the packet at hand, which is
    /// counted already.
    #[inline(always)]
    #[must_use]
    pub const fn settles(&self, protocol: u8, forward: bool) -> bool {
        match protocol {
            protocol::TCP => self.tcp_state().is_open(),
            protocol::ICMP | protocol::ICMPV6 => false,
            _ => forward && self.reply_packets != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        crate::assert_layout!(FlowKey, 44, [u32, u16, u16, Address, Address, u8, [u8; 3]]);
        crate::assert_layout!(
            Flow,
            96,
            [
                u64, u64, u64, u64, u64, u64, u64, u32, u8, [u8; 3], u32, u32, TcpEnd, TcpEnd
            ]
        );
    }

    #[test]
    fn judgements_survive_packing() {
        for verdict in [Verdict::Allow, Verdict::Deny, Verdict::Reject] {
            let judgement = Judgement::new(7, verdict, DeciderId::rule(3));
            assert_eq!(judgement.epoch(), 7);
            assert_eq!(judgement.verdict(), verdict);
            assert_eq!(judgement.decider(), DeciderId::rule(3));
        }
    }
}
