//! Connection tracking: one lookup for each packet of a settled flow, whichever direction it has.
//!
//! A TCP packet in the middle of a connection that is not known opens none. To pick it up would mean
//! to guess which end is the initiator, and so whose policy speaks: an answer that a client may get
//! would pass for a connection that a server may open, and any ACK from outside would make a flow.

pub mod table;
mod tcp;

use polc_abi::{
    event::Hook,
    flow::{Direction, Flow, Judgement},
    key::protocol,
    lifetime,
    tcp::opens as opens_connection,
    verdict::{DeciderId, DropReason, Verdict},
};
use table::Table;

use crate::{
    packet::{Packet, known},
    report::add_shared,
};

/// What the flow table says about a packet.
pub enum Known {
    /// Nothing: it starts a flow, if it may.
    No,
    /// Allowed in this epoch. Counted.
    Allowed,
    /// Denied in this epoch, with or without an answer.
    Denied(Verdict, DeciderId),
    /// Judged in an older epoch: [`Packet::direction`] and [`Packet::asked_l4`] are the flow's.
    Stale,
}

/// Looks the packet's flow up, and counts the packet when it is allowed.
#[inline(always)]
pub fn known(packet: &mut Packet, hook: Hook) -> Known {
    let Some((flow, table)) = table::find(&packet.key, packet.tcp_flags) else {
        return Known::No;
    };
    // SAFETY: map memory, which stays valid while the program runs; CPUs share it, so the one
    // word that decides is read once and the counters are added to atomically.
    let (judgement, past_stack, l4, direction, seen_ns, lifetime, state) = unsafe {
        (
            Judgement((&raw const (*flow).judgement).read_volatile()),
            (*flow).past_stack,
            (*flow).l4,
            (*flow).direction,
            (*flow).seen_ns,
            lifetime::of(packet.key.protocol, &*flow),
            (*flow).tcp_state(),
        )
    };
    if packet.time_ns.saturating_sub(seen_ns) > lifetime {
        // Or it would be found first, and hide the flow that comes after it.
        if table == Table::Settled {
            table::forget_settled(&packet.key);
        }
        return Known::No;
    }
    let forward = direction == sender(hook) as u8;
    // A connection that the other end opens is a flow of its own, and so is one that is opened
    // again after its end.
    if opens(packet) && (!forward || state.is_over()) {
        return Known::No;
    }
    if judgement.epoch() != packet.epoch {
        packet.direction = direction;
        packet.asked_l4 = l4;
        return Known::Stale;
    }
    match judgement.verdict() {
        denied @ (Verdict::Deny | Verdict::Reject) => Known::Denied(denied, judgement.decider()),
        Verdict::Allow => {
            packet.past_stack = past_stack;
            count(flow, table, packet, forward);
            Known::Allowed
        }
    }
}

/// Writes down what policy said, and which way the flow takes from now on. Whether the verdict is
/// news: a new flow, or another verdict than before.
#[inline(always)]
pub fn judged(
    packet: &mut Packet,
    verdict: Verdict,
    decider: DeciderId,
) -> Result<bool, DropReason> {
    let judgement = Judgement::new(packet.epoch, verdict, decider);
    if packet.known == known::STALE {
        if let Some((flow, table)) = table::find(&packet.key, packet.tcp_flags) {
            // SAFETY: as in `known`.
            let before = unsafe {
                let word = &raw mut (*flow).judgement;
                let before = Judgement(word.read_volatile());
                // Once in the stack, always in the stack.
                if (*flow).past_stack == 0 {
                    packet.past_stack = 0;
                }
                (*flow).past_stack = packet.past_stack;
                word.write_volatile(judgement.0);
                before
            };
            if let Verdict::Allow = verdict {
                let hook_is_sender = packet.hook == Hook::FromEndpoint as u8;
                let egress = packet.direction == Direction::Egress as u8;
                count(flow, table, packet, hook_is_sender == egress);
            }
            return Ok(before.verdict() as u32 != verdict as u32);
        }
    }
    if let Verdict::Deny | Verdict::Reject = verdict {
        return Ok(true);
    }
    // A stale flow that was evicted meanwhile begins again as the one it was, if it can.
    if opens_nothing(packet) {
        return Err(DropReason::NoConnection);
    }
    let is_from_stack = packet.hook != Hook::FromEndpoint as u8 && !packet.is_delivered;
    if is_from_stack {
        packet.past_stack = 0;
    }
    let (initiator, responder) = tcp::opening(packet);
    let flow = Flow {
        judgement: judgement.0,
        created_ns: packet.time_ns,
        seen_ns: packet.time_ns,
        forward_packets: 1,
        forward_bytes: u64::from(packet.bytes),
        reply_packets: 0,
        reply_bytes: 0,
        l4: packet.asked_l4,
        direction: packet.direction,
        reserved: [0; 3],
        past_stack: packet.past_stack,
        reserved_too: 0,
        initiator,
        responder,
    };
    table::begin(&packet.key, &flow)
        .map(|()| true)
        .map_err(|()| DropReason::FlowTableFull)
}

/// Whether the packet can start no flow: TCP in the middle of a connection.
#[inline(always)]
pub fn opens_nothing(packet: &Packet) -> bool {
    packet.key.protocol == protocol::TCP && !opens(packet)
}

/// Whether the packet opens a TCP connection.
#[inline(always)]
fn opens(packet: &Packet) -> bool {
    packet.key.protocol == protocol::TCP && opens_connection(packet.tcp_flags)
}

/// The direction of flows that an endpoint starts at this hook.
#[inline(always)]
fn sender(hook: Hook) -> Direction {
    match hook {
        Hook::FromEndpoint => Direction::Egress,
        Hook::ToEndpoint | Hook::FromUplink => Direction::Ingress,
    }
}

#[inline(always)]
fn count(flow: *mut Flow, table: Table, packet: &Packet, forward: bool) {
    // SAFETY: as in `known`.
    unsafe {
        (*flow).seen_ns = packet.time_ns;
        let (packets, bytes) = if forward {
            (
                &raw mut (*flow).forward_packets,
                &raw mut (*flow).forward_bytes,
            )
        } else {
            (&raw mut (*flow).reply_packets, &raw mut (*flow).reply_bytes)
        };
        add_shared(packets, 1);
        add_shared(bytes, u64::from(packet.bytes));
    }
    // A later fragment has no header of its own.
    if packet.key.protocol == protocol::TCP && packet.l4_at != 0 {
        tcp::follow(flow, table, packet, forward);
    }
    // SAFETY: as in `known`; the flow is in the table that it was found in.
    unsafe {
        let settles = (*flow).settles(packet.key.protocol, forward);
        match table {
            Table::New if settles => table::settle(&packet.key, flow),
            Table::Settled if packet.key.protocol == protocol::TCP && !settles => {
                table::end(&packet.key, flow);
            }
            _ => {}
        }
    }
}
