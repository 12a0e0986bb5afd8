//! Whether a packet may enter its receiver past the node's stack.

use aya_ebpf::programs::TcContext;
use polc_abi::{key::protocol, node::Endpoint};

use super::enter::Head;
use crate::{bytes::LINK_HEADER, endpoint, packet::Packet};

/// The endpoint that the packet is for, and the packet's head. `None` for what the node's stack must
/// do something about:
///
/// - it is not addressed to the node's end of the link, so that the stack would not route it
/// - its hops are used up, or it is too large for the receiver's link: the stack answers
/// - it has IPv4 options or an IPv6 hop-by-hop header, which are for routers, too
/// - the receiver is no longer where the flow knew it
#[inline(always)]
pub fn find(ctx: &TcContext, packet: &Packet) -> Option<(&'static Endpoint, Head)> {
    const PACKET_HOST: u32 = 0;
    // SAFETY: the context is valid while the program runs.
    if unsafe { (*ctx.skb.skb).pkt_type } != PACKET_HOST {
        return None;
    }
    let receiver = endpoint::find(packet.side(), &packet.past_stack)?;
    // Two CPUs may have written a flow in two epochs: whatever it says, nothing enters an endpoint that
    // is not for it.
    if packet.past_stack == packet.key.ifindex
        || !fits(ctx, packet, receiver.link.mtu)
        || !endpoint::has(receiver, &packet.destination)
    {
        return None;
    }
    let head = Head::read(ctx)?;
    head.is_plain().then_some((receiver, head))
}

/// Whether the receiver's link takes the packet. A link that only the stack delivers to takes none.
#[inline(always)]
fn fits(ctx: &TcContext, packet: &Packet, mtu: u32) -> bool {
    // SAFETY: the context is valid while the program runs.
    let segment = unsafe { (*ctx.skb.skb).gso_size };
    if segment == 0 {
        return packet.bytes <= mtu;
    }
    // It will be segments, each with headers like these.
    let header = match packet.key.protocol {
        protocol::TCP => packet.header_length,
        protocol::UDP => 8,
        _ => return false,
    };
    let l4_at = u32::from(packet.l4_at);
    l4_at >= LINK_HEADER && l4_at - LINK_HEADER + header + segment <= mtu
}
