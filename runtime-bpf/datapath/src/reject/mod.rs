//! The continuation for what policy rejects: the packet becomes its own answer.
//!
//! TCP is answered with a reset, everything else with "destination unreachable, administratively
//! prohibited", in the name of whoever the packet was for. Nothing else of the packet is left:
//! [`frame`] says how. What cannot be answered, or must not, is dropped like a denied packet.
//!
//! # The answer's way
//! - To an endpoint, whose own policy rejects what it sends: `bpf_redirect_peer` puts the answer
//!   behind the endpoint's end of the link. No hook sees it. Needs a link with two ends (veth,
//!   netkit) in two network namespaces; elsewhere the kernel drops the answer.
//! - To an endpoint of this node, when the policy of the one that it sends to rejects that, and the
//!   node's stack is not on the way: out of the sender's interface, whose hook lets the answer pass
//!   as it does every answer.
//! - To a peer, when an endpoint's policy rejects what comes in from the node's stack: the answer enters the node as if
//!   the endpoint had sent it, and goes where the node's routes say. The endpoint's own hook lets
//!   it pass by [`MARK`]. If the peer is an endpoint of this node, that endpoint's hook lets it
//!   pass as it does every answer: it belongs to a flow that the endpoint may have.
//! - To another machine, when the node's own policy rejects what comes in by an uplink: out of the
//!   uplink. And to the node, when it rejects what the node sends: in by the uplink, or by the link of
//!   the endpoint that it was for. The hooks there let both pass by [`MARK`].

pub mod frame;
mod icmp;
mod pace;
mod tcp;

use aya_ebpf::{
    bindings::{BPF_F_INGRESS, TC_ACT_REDIRECT},
    helpers::generated::{bpf_redirect, bpf_redirect_peer},
    macros::classifier,
    programs::TcContext,
};
use polc_abi::{
    event::Hook,
    key::{Address, protocol},
    policy::RETURN_ON_FAILURE,
    tcp::flag::RST,
};

use crate::packet::Packet;

/// What an answer that enters the node wears until the first hook has seen it.
///
/// An endpoint cannot forge it: the kernel clears marks where a packet leaves a network namespace,
/// and only a program of the node can redirect a packet to the ingress of an interface. `to_endpoint`
/// never asks for it, as sockets of the node may have marks of their own.
const MARK: u32 = 0x706f_6c63;

/// Drops the packet at hand and sends an answer in its place, where there may be one.
#[classifier]
pub fn reject(ctx: TcContext) -> i32 {
    let Some(packet) = Packet::at_hand() else {
        return RETURN_ON_FAILURE;
    };
    if !may_be_answered(&ctx, packet) || !pace::admits(packet.time_ns) {
        return RETURN_ON_FAILURE;
    }
    let answer = if packet.key.protocol == protocol::TCP {
        tcp::reset(&ctx, packet)
    } else {
        icmp::prohibited(&ctx, packet)
    };
    match answer {
        Some(()) => send(&ctx, packet),
        None => RETURN_ON_FAILURE,
    }
}

/// Whether a packet that arrives from an endpoint is an answer of [`reject`], which passes
/// unjudged. It wears the mark no longer.
#[inline(always)]
pub fn is_answer(ctx: &TcContext) -> bool {
    // SAFETY: the context is valid while the program runs.
    if unsafe { (*ctx.skb.skb).mark } != MARK {
        return false;
    }
    ctx.skb.set_mark(0);
    true
}

/// RFC 1122, 3.2.2, RFC 4443, 2.4 (e) and RFC 9293, 3.10.7.1: what is never answered.
#[inline(always)]
fn may_be_answered(ctx: &TcContext, packet: &Packet) -> bool {
    const PACKET_BROADCAST: u32 = 1;
    const PACKET_MULTICAST: u32 = 2;
    // SAFETY: the context is valid while the program runs.
    let kind = unsafe { (*ctx.skb.skb).pkt_type };
    if matches!(kind, PACKET_BROADCAST | PACKET_MULTICAST) {
        return false;
    }
    // A later fragment has no L4 header.
    packet.l4_at != 0
        && is_one_host(&packet.source)
        && is_one_host(&packet.destination)
        && match packet.key.protocol {
            protocol::TCP => packet.tcp_flags & RST == 0,
            protocol::ICMP | protocol::ICMPV6 => icmp::is_question(packet),
            _ => true,
        }
}

/// Whether an address stands for one host: not unspecified, loopback, a group or broadcast.
#[inline(always)]
fn is_one_host(address: &Address) -> bool {
    const MAPPED: u32 = u32::from_be_bytes([0, 0, 0xff, 0xff]).to_be();
    let words = address.as_ptr().cast::<u32>();
    // SAFETY: addresses lie in the packet memory, aligned to eight bytes.
    let (a, b, c, d) = unsafe {
        (
            words.read(),
            words.add(1).read(),
            words.add(2).read(),
            words.add(3).read(),
        )
    };
    match a | b {
        // IPv4: 0/8 and 127/8, groups and class E with the broadcast address.
        0 if c == MAPPED => !matches!(address[12], 0 | 127 | 224..=255),
        // `::` and `::1`.
        0 if c == 0 => u32::from_be(d) > 1,
        _ => address[0] != 0xff,
    }
}

/// Sends what the packet has become back to where the packet came from.
#[inline(always)]
fn send(ctx: &TcContext, packet: &Packet) -> i32 {
    // SAFETY: the context is valid while the program runs.
    let ifindex = unsafe { (*ctx.skb.skb).ifindex };
    let result = if packet.is_delivered {
        // SAFETY: as below.
        unsafe { bpf_redirect(packet.arrived, 0) }
    } else if packet.place == Hook::FromEndpoint as u8 {
        // SAFETY: only asks the kernel to do it once the program has returned.
        unsafe { bpf_redirect_peer(ifindex, 0) }
    } else if packet.place == Hook::FromUplink as u8 {
        ctx.skb.set_mark(MARK);
        // SAFETY: as above.
        unsafe { bpf_redirect(ifindex, 0) }
    } else {
        ctx.skb.set_mark(MARK);
        // SAFETY: as above.
        unsafe { bpf_redirect(ifindex, u64::from(BPF_F_INGRESS)) }
    };
    if result == i64::from(TC_ACT_REDIRECT) {
        TC_ACT_REDIRECT as i32
    } else {
        RETURN_ON_FAILURE
    }
}
