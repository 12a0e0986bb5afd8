//! tc egress of an uplink: what goes to other machines. Only there where policies apply to the node.

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::{
    event::Hook,
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
};

use crate::{hook, maps, node, packet::Packet, parse, refuse, reject, state};

/// Judges what the node itself sends. What it forwards was judged where it came in.
#[classifier]
pub fn to_uplink(ctx: TcContext) -> i32 {
    if reject::is_answer(&ctx) {
        return RETURN_PASS;
    }
    let Some(packet) = hook::begin(&ctx, Hook::FromNode) else {
        return RETURN_ON_FAILURE;
    };
    let state = state::read();
    let Some(side) = state.side() else {
        return RETURN_PASS;
    };
    packet.epoch = state.epoch();
    packet.side = side as u32;
    // SAFETY: the context is valid while the program runs.
    let came_in = unsafe { (*ctx.skb.skb).ingress_ifindex } != 0;
    let judged = if !came_in {
        node::judge(&ctx, packet, Hook::FromNode)
    } else if has_lent_address(&ctx, packet) {
        node::lend(&ctx, packet)
    } else {
        Ok(())
    };
    match judged {
        Ok(()) => RETURN_PASS,
        Err(reason) => refuse::packet(&ctx, packet, reason),
    }
}

/// Whether a forwarded packet wears an address of the node's. One that cannot be read was judged where
/// it came in.
#[inline(always)]
fn has_lent_address(ctx: &TcContext, packet: &mut Packet) -> bool {
    use polc_abi::node::peer_flag::HOST;
    let has_addresses = parse::addresses(ctx, packet).unwrap_or(false);
    has_addresses
        && maps::address(packet.side(), &packet.source).is_some_and(|peer| peer.flags & HOST != 0)
}
