//! From an uplink into an endpoint, past the node's stack. Only where that is asked for: the answers go
//! past it, too, and whatever the stack would do to both.

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::{
    event::Hook,
    node::{Side, peer_flag},
    policy::{CONTINUATION_ARRIVE, RETURN_ON_FAILURE, RETURN_PASS},
    verdict::DropReason,
};

use super::{enter, receiver};
use crate::{
    endpoint,
    flow::table,
    hook,
    maps::{self, CONTINUATIONS_ARRAY},
    packet::Packet,
    parse::{self, Frame, fragment},
    refuse, related, report,
};

/// Sends what has come from an uplink on: to its endpoint's policy, where that is to be asked here, or
/// to the node's stack. Its addresses have been read.
#[inline(always)]
pub fn go_on(ctx: &TcContext, side: Side, packet: &mut Packet) -> i32 {
    let ifindex = match maps::address(side, &packet.destination) {
        Some(peer) if peer.flags & peer_flag::LOCAL_ENDPOINT != 0 => peer.ifindex,
        _ => return RETURN_PASS,
    };
    let Some(endpoint) = endpoint::find(side, &ifindex) else {
        return RETURN_PASS;
    };
    if !endpoint.link.is_direct_from_uplinks() {
        return RETURN_PASS;
    }
    packet.endpoint = endpoint.id;
    packet.past_stack = ifindex;
    packet.l4 = 0;
    // SAFETY: nothing here needs dropping.
    unsafe { CONTINUATIONS_ARRAY.tail_call(ctx, CONTINUATION_ARRIVE) };
    report::drop(packet, DropReason::MissingProgram);
    RETURN_ON_FAILURE
}

/// The continuation for what may enter its endpoint past the node's stack, if policy and its flow allow.
#[classifier]
pub fn arrive(ctx: TcContext) -> i32 {
    let Some(packet) = Packet::at_hand() else {
        return RETURN_ON_FAILURE;
    };
    // Only `go_on` calls this program.
    if packet.past_stack == 0 || packet.is_delivered {
        return RETURN_ON_FAILURE;
    }
    match judge(&ctx, packet) {
        Ok(code) => code,
        Err(reason) => refuse::packet(&ctx, packet, reason),
    }
}

#[inline(always)]
fn judge(ctx: &TcContext, packet: &mut Packet) -> Result<i32, DropReason> {
    let ifindex = packet.past_stack;
    packet.arrived = packet.key.ifindex;
    packet.key.ifindex = ifindex;
    packet.hook = Hook::ToEndpoint as u8;
    let Some(head) = receiver::to_be_routed(ctx) else {
        return Ok(RETURN_PASS);
    };
    let Frame::Ip(network) = parse::network(ctx, packet)? else {
        return Ok(RETURN_PASS);
    };
    parse::transport(ctx, packet, &network)?;
    let Some(endpoint) = receiver::find(ctx, packet, ifindex) else {
        return Ok(RETURN_PASS);
    };
    hook::orient(packet, Hook::ToEndpoint);
    fragment::remember(packet)?;
    if network.is_icmp_error(packet) {
        related::orient(ctx, packet, &network, Hook::ToEndpoint)?;
    }
    if is_in_stack(packet) {
        return Ok(RETURN_PASS);
    }
    packet.is_delivered = true;
    hook::decide(ctx, packet, endpoint, Hook::ToEndpoint)?;
    Ok(enter::enter(ctx, packet, endpoint, head))
}

/// Whether the packet's flow began in the stack: then its endpoint's own hook judges.
#[inline(always)]
fn is_in_stack(packet: &Packet) -> bool {
    match table::find(&packet.key, packet.tcp_flags) {
        // SAFETY: map memory, read once.
        Some((flow, _)) => unsafe { (*flow).past_stack == 0 },
        None => false,
    }
}
