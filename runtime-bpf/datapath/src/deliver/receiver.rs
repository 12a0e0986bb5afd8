//! Whether a packet may enter its receiver past the node's stack.

use aya_ebpf::programs::TcContext;
use polc_abi::{key::protocol, node::Endpoint};

use super::enter::Head;
use crate::{bytes::LINK_HEADER, endpoint, packet::Packet};

/// The endpoint that the packet is for, behind this interface. `None` where the packet is too large for
/// its link, so that the stack answers, and where it is there no longer.
#[inline(always)]
pub fn find(ctx: &TcContext, packet: &Packet, ifindex: u32) -> Option<&'static Endpoint> {
    let receiver = endpoint::find(packet.side(), &ifindex)?;
    let fits = largest(ctx, packet)? <= u32::from(receiver.link.mtu);
    // Two CPUs may have written a flow in two epochs: whatever it says, nothing enters an endpoint that
    // is not for it.
    (fits && endpoint::has(receiver, &packet.destination)).then_some(receiver)
}

/// The head of a packet that the node has nothing to do for but to route it. `None` where its stack has:
/// the packet is not addressed to the node's end of the link, so that the stack would not route it; its
/// hops are used up, and the stack answers; or it has IPv4 options or an IPv6 hop-by-hop header, which
/// are for routers, too.
#[inline(always)]
pub fn to_be_routed(ctx: &TcContext) -> Option<Head> {
    const PACKET_HOST: u32 = 0;
    // SAFETY: the context is valid while the program runs.
    if unsafe { (*ctx.skb.skb).pkt_type } != PACKET_HOST {
        return None;
    }
    let head = Head::read(ctx)?;
    head.is_plain().then_some(head)
}

/// Bytes of the packet, from L3 on, or of the largest of the segments that it will be.
#[inline(always)]
pub fn largest(ctx: &TcContext, packet: &Packet) -> Option<u32> {
    // SAFETY: the context is valid while the program runs.
    let segment = unsafe { (*ctx.skb.skb).gso_size };
    if segment == 0 {
        return Some(packet.bytes);
    }
    // Each of them has headers like these.
    let header = match packet.key.protocol {
        protocol::TCP => packet.header_length,
        protocol::UDP => 8,
        _ => return None,
    };
    let l4_at = u32::from(packet.l4_at);
    (l4_at >= LINK_HEADER).then(|| l4_at - LINK_HEADER + header + segment)
}
