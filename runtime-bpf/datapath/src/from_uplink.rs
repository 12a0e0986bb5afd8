//! tc ingress of an uplink: what comes from other machines.

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::{
    event::Hook,
    node::{Side, peer_flag},
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    verdict::DropReason,
};

use crate::{deliver::arrive, hook, maps, node, packet::Packet, parse, refuse, reject, state};

/// Refuses sources that are on this node: they cannot come from outside.
///
/// What is for the node itself is judged where policies apply to it. Everything else passes, before the
/// first apply too: the endpoints' own hooks judge what goes to them, and what no policy speaks about
/// is not polc's to cut off.
#[classifier]
pub fn from_uplink(ctx: TcContext) -> i32 {
    if reject::is_answer(&ctx) {
        return RETURN_PASS;
    }
    let Some(packet) = hook::begin(&ctx, Hook::FromUplink) else {
        return RETURN_ON_FAILURE;
    };
    let state = state::read();
    let Some(side) = state.side() else {
        return RETURN_PASS;
    };
    packet.epoch = state.epoch();
    packet.side = side as u32;
    match judge(&ctx, side, packet) {
        Ok(()) => arrive::go_on(&ctx, side, packet),
        Err(reason) => refuse::packet(&ctx, packet, reason),
    }
}

#[inline(always)]
fn judge(ctx: &TcContext, side: Side, packet: &mut Packet) -> Result<(), DropReason> {
    if !parse::addresses(ctx, packet)? {
        return Ok(());
    }
    match maps::address(side, &packet.source) {
        Some(peer) if peer.flags & (peer_flag::HOST | peer_flag::LOCAL_ENDPOINT) != 0 => {
            Err(DropReason::SpoofedSource)
        }
        _ if node::has(side, &packet.destination) => node::judge(ctx, packet, Hook::ToNode),
        _ => Ok(()),
    }
}
