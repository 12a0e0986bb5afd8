//! What the hooks on both sides of an endpoint's interface have in common.

use aya_ebpf::{helpers::generated::bpf_ktime_get_ns, programs::TcContext};
use polc_abi::{
    event::Hook,
    flow::Direction,
    node::{Endpoint, Side},
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    verdict::DropReason,
};

use crate::{
    bytes::{self, LINK_HEADER},
    deliver, endpoint,
    flow::{self, Known},
    packet::{ARMED, Packet, known},
    parse::{self, Frame, link},
    policy, refuse, related, report, sender, state,
};

/// Sees a packet to its end: to a return code, or to the tail call of the policy program.
#[inline(always)]
pub fn run(ctx: &TcContext, hook: Hook) -> i32 {
    let Some(packet) = begin(ctx, hook) else {
        return RETURN_ON_FAILURE;
    };
    match judge(ctx, hook, packet) {
        Ok(()) => match hook {
            Hook::FromEndpoint => deliver::go_on(ctx, packet),
            Hook::ToEndpoint | Hook::FromUplink => RETURN_PASS,
        },
        Err(reason) => refuse::packet(ctx, packet, reason),
    }
}

/// Takes this CPU's packet memory for the packet.
///
/// If policy was asked about the packet before and never answered, because its program ended without
/// a tail call or that failed, the kernel has dropped that packet: it is counted and reported now.
#[inline(always)]
pub fn begin(ctx: &TcContext, hook: Hook) -> Option<&'static mut Packet> {
    let skb = ctx.skb.skb;
    // SAFETY: the context is valid while the program runs.
    let (ifindex, length) = unsafe { ((*skb).ifindex, (*skb).len) };
    // SAFETY: reads a clock.
    let now = unsafe { bpf_ktime_get_ns() };
    let packet = Packet::at_hand()?;
    if packet.armed == ARMED {
        report::drop(packet, DropReason::MissingProgram);
    }
    packet.begin(hook, ifindex, length.saturating_sub(LINK_HEADER), now);
    Some(packet)
}

#[inline(always)]
fn judge(ctx: &TcContext, hook: Hook, packet: &mut Packet) -> Result<(), DropReason> {
    // First of all, so that every report says whose packet it was; what it said counts later.
    let frame = parse::network(ctx, packet);
    let state = state::read();
    let side = state.side().ok_or(DropReason::NotReady)?;
    packet.epoch = state.epoch();
    packet.side = side as u32;
    let mut endpoint = find(packet, side)?;
    let network = match frame? {
        Frame::Arp => return Ok(()),
        Frame::Ip(network) => network,
    };
    parse::transport(ctx, packet, &network)?;
    if link::is_control(packet, &network, hook, side)? {
        return Ok(());
    }
    orient(packet, hook);
    if let Hook::ToEndpoint = hook {
        if sender::follow(ctx, packet)? {
            endpoint = find(packet, packet.side())?;
        }
    }
    if let Hook::FromEndpoint = hook {
        if !endpoint::has(endpoint, &packet.source) {
            return Err(DropReason::SpoofedSource);
        }
    }
    parse::fragment::remember(packet)?;
    if network.is_icmp_error(packet) {
        related::orient(ctx, packet, &network, hook)?;
    }
    decide(ctx, packet, endpoint, hook)
}

/// What the endpoint's flows say about the packet, and if they say nothing, its policy. Does not
/// return when policy could be asked.
#[inline(always)]
pub fn decide(
    ctx: &TcContext,
    packet: &mut Packet,
    endpoint: &Endpoint,
    hook: Hook,
) -> Result<(), DropReason> {
    if packet.is_error {
        return related::judge(packet);
    }
    match flow::known(packet, hook) {
        Known::Allowed => Ok(()),
        Known::Denied(verdict, decider) => {
            packet.verdict = verdict as u32;
            packet.decider = decider.0;
            report::verdict(packet, decider);
            Err(DropReason::Policy)
        }
        Known::Stale => {
            packet.known = known::STALE;
            Err(ask(ctx, packet, endpoint))
        }
        Known::No => {
            if flow::opens_nothing(packet) {
                return Err(DropReason::NoConnection);
            }
            packet.known = known::NEW;
            packet.asked_l4 = packet.l4;
            Err(ask(ctx, packet, endpoint))
        }
    }
}

/// The endpoint behind the hook's interface, which the packet remembers.
#[inline(always)]
fn find(packet: &mut Packet, side: Side) -> Result<&'static Endpoint, DropReason> {
    let endpoint = endpoint::find(side, &packet.key.ifindex).ok_or(DropReason::UnknownEndpoint)?;
    packet.endpoint = endpoint.id;
    Ok(endpoint)
}

/// Turns source and destination into the endpoint's view of them.
#[inline(always)]
pub fn orient(packet: &mut Packet, hook: Hook) {
    let (source, destination) = (&raw const packet.source, &raw const packet.destination);
    let (local, remote, local_port, remote_port) = match hook {
        Hook::FromEndpoint => (
            source,
            destination,
            packet.source_port,
            packet.destination_port,
        ),
        Hook::ToEndpoint | Hook::FromUplink => (
            destination,
            source,
            packet.destination_port,
            packet.source_port,
        ),
    };
    // SAFETY: addresses in the packet memory are aligned: asserted in `packet`.
    unsafe {
        bytes::copy(&raw mut packet.key.local, local);
        bytes::copy(&raw mut packet.key.remote, remote);
    }
    packet.key.local_port = local_port;
    packet.key.remote_port = remote_port;
}

/// Asks the endpoint's policy in the packet's direction. Returns only when that failed.
#[inline(always)]
fn ask(ctx: &TcContext, packet: &mut Packet, endpoint: &Endpoint) -> DropReason {
    let direction = if packet.direction == Direction::Egress as u8 {
        Direction::Egress
    } else {
        Direction::Ingress
    };
    let reason = policy::ask(ctx, packet, endpoint, direction);
    packet.armed = 0;
    reason
}
