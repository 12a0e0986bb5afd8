//! From one endpoint of the node into another, past the node's stack; and where that is asked for, from
//! and to other machines ([`arrive`], [`leave`]).
//!
//! What may leave its endpoint, and is for another one of this node, is judged by that one's policy in
//! the same hook, and then put behind its end of the link by `bpf_redirect_peer`. No other hook sees it,
//! and no netfilter rule, route or socket of the node. What the node would do to it as a router,
//! [`enter`] does. What only the node can do, it is left to, before the receiver's policy is asked: the
//! receiver's own hook asks then. See [`receiver`] for what that is.
//!
//! # Flows keep to their way
//! A flow that begins past the stack stays there in both directions, and one that begins in the stack
//! stays in that ([`Flow::past_stack`](polc_abi::flow::Flow::past_stack)). The stack may have translated
//! its addresses, as it does for a service's clients, and then must translate the answers, too; and a
//! firewall that sees only half of a connection drops it.

pub mod arrive;
mod enter;
mod leave;
mod receiver;

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::{
    event::Hook,
    flow::Direction,
    link::OUTSIDE,
    node::{Endpoint, NODE},
    policy::{
        CONTINUATION_DELIVER, CONTINUATION_LEAVE, CONTINUATION_NODE, RETURN_ON_FAILURE, RETURN_PASS,
    },
    verdict::DropReason,
};

use crate::{
    endpoint, hook, maps::CONTINUATIONS_ARRAY, packet::Packet, parse::fragment, refuse, report,
};

/// Sends a packet on that may pass: to its receiver's policy, to the node's, into its receiver, or to
/// the node's stack.
#[inline(always)]
pub fn go_on(ctx: &TcContext, packet: &mut Packet) -> i32 {
    if packet.key.ifindex == NODE {
        return RETURN_PASS;
    }
    if packet.is_delivered {
        let Some(endpoint) = endpoint::find(packet.side(), &packet.key.ifindex) else {
            return refuse::packet(ctx, packet, DropReason::UnknownEndpoint);
        };
        return match enter::Head::read(ctx) {
            Some(head) => enter::enter(ctx, packet, endpoint, head),
            None => refuse::packet(ctx, packet, DropReason::Undeliverable),
        };
    }
    let continuation = match packet.past_stack {
        NODE => CONTINUATION_NODE,
        0 => return RETURN_PASS,
        _ if packet.hook != Hook::FromEndpoint as u8 => return RETURN_PASS,
        OUTSIDE => CONTINUATION_LEAVE,
        _ => CONTINUATION_DELIVER,
    };
    // SAFETY: nothing here needs dropping.
    unsafe { CONTINUATIONS_ARRAY.tail_call(ctx, continuation) };
    report::drop(packet, DropReason::MissingProgram);
    RETURN_ON_FAILURE
}

/// The continuation for what its sender's policy lets go to another endpoint of the node.
#[classifier]
pub fn deliver(ctx: TcContext) -> i32 {
    let Some(packet) = Packet::at_hand() else {
        return RETURN_ON_FAILURE;
    };
    // Only `go_on` calls this program.
    if packet.past_stack == 0 || packet.is_delivered {
        return RETURN_ON_FAILURE;
    }
    let ifindex = packet.past_stack;
    if ifindex == packet.key.ifindex {
        return RETURN_PASS;
    }
    let Some(head) = receiver::to_be_routed(&ctx) else {
        return RETURN_PASS;
    };
    let Some(endpoint) = receiver::find(&ctx, packet, ifindex) else {
        return RETURN_PASS;
    };
    turn(packet, endpoint);
    let judged = fragment::turn(packet)
        .and_then(|()| hook::decide(&ctx, packet, endpoint, Hook::ToEndpoint));
    match judged {
        Ok(()) => enter::enter(&ctx, packet, endpoint, head),
        Err(reason) => refuse::packet(&ctx, packet, reason),
    }
}

/// From here on the packet is as the hook towards its receiver would see it.
#[inline(always)]
fn turn(packet: &mut Packet, receiver: &Endpoint) {
    packet.is_delivered = true;
    packet.arrived = packet.key.ifindex;
    packet.key.ifindex = packet.past_stack;
    packet.turn();
    packet.endpoint = receiver.id;
    packet.hook = Hook::ToEndpoint as u8;
    packet.direction = Direction::Ingress as u8;
}
