//! The node as the subject of policies: what it gets and sends itself, at its uplinks and at its
//! endpoints' links. What it forwards is other people's.
//!
//! The node is an endpoint without an interface: [`NODE`] stands in its place, in the table of
//! endpoints and in the keys of its flows, whichever way its packets take. Where no policy applies to
//! it, that entry is missing, and none of this happens.
//!
//! Between the node and one of its endpoints two policies speak, and both are asked in one hook: the
//! endpoint's first, then the node's, by [`judge_node`].
//!
//! # Addresses that the node lends
//! What an endpoint sends may leave with the node's address, if a rule of the node's says so, and
//! what comes back to that address is not for the node. So the node's flows hold those, too: allowed,
//! decided by nobody ([`DeciderId::TRANSLATED`]), as the endpoint's own policy has decided.

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::{
    event::Hook,
    flow::Direction,
    key::Address,
    node::{Endpoint, NODE, Side, peer_flag},
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    verdict::DropReason,
};

use crate::{
    endpoint,
    flow::{self, Known},
    hook, maps,
    packet::Packet,
    parse::{self, Frame, fragment, link},
    refuse, related,
};

/// The continuation for what an endpoint's policy lets go to its node, or come from it.
#[classifier]
pub fn judge_node(ctx: TcContext) -> i32 {
    let Some(packet) = Packet::at_hand() else {
        return RETURN_ON_FAILURE;
    };
    // Only `deliver::go_on` calls this program.
    if packet.past_stack != NODE || packet.key.ifindex == NODE {
        return RETURN_ON_FAILURE;
    }
    let Some(node) = endpoint::find(packet.side(), &NODE) else {
        return refuse::packet(&ctx, packet, DropReason::UnknownEndpoint);
    };
    let hook = if packet.hook == Hook::FromEndpoint as u8 {
        Hook::ToNode
    } else {
        Hook::FromNode
    };
    packet.turn();
    enter(packet, node, hook);
    match hook::decide(&ctx, packet, node, hook) {
        Ok(()) => RETURN_PASS,
        Err(reason) => refuse::packet(&ctx, packet, reason),
    }
}

/// Judges what is about to enter the node from an uplink, or what it sends there, if policies apply
/// to it.
#[inline(always)]
pub fn judge(ctx: &TcContext, packet: &mut Packet, hook: Hook) -> Result<(), DropReason> {
    let Some(node) = endpoint::find(packet.side(), &NODE) else {
        return Ok(());
    };
    packet.endpoint = node.id;
    let Frame::Ip(network) = parse::network(ctx, packet)? else {
        return Ok(());
    };
    parse::transport(ctx, packet, &network)?;
    if link::is_control(packet, &network, hook, packet.side())? {
        return Ok(());
    }
    fragment::remember(packet)?;
    hook::orient(packet, hook);
    if network.is_icmp_error(packet) {
        related::orient(ctx, packet, &network, hook)?;
    }
    enter(packet, node, hook);
    hook::decide(ctx, packet, node, hook)
}

/// What leaves with an address of the node, and is not from the node.
#[inline(always)]
pub fn lend(ctx: &TcContext, packet: &mut Packet) -> Result<(), DropReason> {
    let Some(node) = endpoint::find(packet.side(), &NODE) else {
        return Ok(());
    };
    let hook = Hook::FromNode;
    // What cannot be read was judged where it came in.
    let Ok(Frame::Ip(network)) = parse::network(ctx, packet) else {
        return Ok(());
    };
    if parse::transport(ctx, packet, &network).is_err() {
        return Ok(());
    }
    fragment::remember(packet)?;
    // An error speaks about a flow that has its own.
    if network.is_icmp_error(packet) {
        return Ok(());
    }
    hook::orient(packet, hook);
    enter(packet, node, hook);
    match flow::known(packet, hook) {
        Known::Allowed => Ok(()),
        // An answer to what came in for an address of the node, and went on to somebody else.
        Known::Denied(..) | Known::Stale => hook::decide(ctx, packet, node, hook),
        Known::No => flow::lent(packet),
    }
}

/// From here on the packet is as the node sees it.
#[inline(always)]
fn enter(packet: &mut Packet, node: &Endpoint, hook: Hook) {
    packet.key.ifindex = NODE;
    packet.endpoint = node.id;
    packet.hook = hook as u8;
    packet.direction = match hook {
        Hook::FromNode => Direction::Egress as u8,
        _ => Direction::Ingress as u8,
    };
    packet.past_stack = 0;
}

/// Whether an address is one of the node's: one that the tables know, or, as it has one on every link,
/// one of the link.
#[inline(always)]
pub fn has(side: Side, address: &Address) -> bool {
    let is_of_link = address[0] == 0xfe && address[1] & 0xc0 == 0x80;
    is_of_link || maps::address(side, address).is_some_and(|peer| peer.flags & peer_flag::HOST != 0)
}
