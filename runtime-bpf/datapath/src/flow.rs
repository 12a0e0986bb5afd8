//! Connection tracking: one lookup for each packet, whichever direction it has.

use aya_ebpf::bindings::BPF_ANY;
use polc_abi::{
    event::Hook,
    flow::{Direction, Flow, Judgement},
    key::protocol,
    verdict::{DeciderId, DropReason, Verdict},
};

use crate::{
    maps::FLOWS,
    packet::{Packet, known},
    report::add_shared,
};

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

const SECOND: u64 = 1_000_000_000;
/// Silence after which a flow is forgotten: an address and port are other people's by then.
mod silence {
    use super::SECOND;

    /// UDP, ICMP and the rest: as long as the kernel's own tracking keeps a UDP stream.
    pub(super) const DATAGRAMS: u64 = 180 * SECOND;
    /// TCP that has been opened.
    pub(super) const CONNECTION: u64 = 24 * 3600 * SECOND;
    /// TCP that one end has closed; the other may still send.
    pub(super) const CLOSING: u64 = 600 * SECOND;
    /// TCP that nobody answered, or that was reset.
    pub(super) const NO_CONNECTION: u64 = 60 * SECOND;
}

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
    let Some(flow) = FLOWS.get_ptr_mut(&packet.key) else {
        return Known::No;
    };
    // SAFETY: map memory, which stays valid while the program runs; CPUs share it, so the one
    // word that decides is read once and the counters are added to atomically.
    let (judgement, l4, direction, seen_ns, flags) = unsafe {
        (
            Judgement((&raw const (*flow).judgement).read_volatile()),
            (*flow).l4,
            (*flow).direction,
            (*flow).seen_ns,
            (*flow).tcp_flags,
        )
    };
    if packet.time_ns.saturating_sub(seen_ns) > lifetime(packet.key.protocol, flags) {
        return Known::No;
    }
    let forward = direction == sender(hook) as u8;
    // A connection that the other end opens is a flow of its own, whatever the old one was.
    if !forward && opens(packet) {
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
            count(flow, packet, forward);
            Known::Allowed
        }
    }
}

/// Writes down what policy said. Whether that is news: a new flow, or a verdict that changed.
#[inline(always)]
pub fn judged(packet: &Packet, verdict: Verdict, decider: DeciderId) -> Result<bool, DropReason> {
    let judgement = Judgement::new(packet.epoch, verdict, decider);
    if packet.known == known::STALE {
        if let Some(flow) = FLOWS.get_ptr_mut(&packet.key) {
            // SAFETY: as in `known`.
            let before = unsafe {
                let word = &raw mut (*flow).judgement;
                let before = Judgement(word.read_volatile());
                word.write_volatile(judgement.0);
                before
            };
            if let Verdict::Allow = verdict {
                let hook_is_sender = packet.hook == Hook::FromEndpoint as u8;
                let egress = packet.direction == Direction::Egress as u8;
                count(flow, packet, hook_is_sender == egress);
            }
            return Ok(before.verdict() as u32 != verdict as u32);
        }
    }
    if let Verdict::Deny | Verdict::Reject = verdict {
        return Ok(true);
    }
    // A stale flow that was evicted meanwhile begins again as the one it was.
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
        tcp_flags: packet.tcp_flags,
        reserved: [0; 2],
    };
    FLOWS
        .insert(&packet.key, &flow, u64::from(BPF_ANY))
        .map(|()| true)
        .map_err(|_| DropReason::FlowTableFull)
}

/// Whether the packet can start no flow: TCP in the middle of a connection.
#[inline(always)]
pub fn opens_nothing(packet: &Packet) -> bool {
    packet.key.protocol == protocol::TCP && !opens(packet)
}

/// Whether the packet opens a TCP connection.
#[inline(always)]
fn opens(packet: &Packet) -> bool {
    packet.key.protocol == protocol::TCP && packet.tcp_flags & (SYN | ACK | RST | FIN) == SYN
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
fn lifetime(protocol: u8, tcp_flags: u8) -> u64 {
    if protocol != protocol::TCP {
        silence::DATAGRAMS
    } else if tcp_flags & RST != 0 || tcp_flags & ACK == 0 {
        silence::NO_CONNECTION
    } else if tcp_flags & FIN != 0 {
        silence::CLOSING
    } else {
        silence::CONNECTION
    }
}

#[inline(always)]
fn count(flow: *mut Flow, packet: &Packet, forward: bool) {
    // SAFETY: as in `known`.
    unsafe {
        (*flow).seen_ns = packet.time_ns;
        // A fresh SYN begins the connection again; otherwise flags add up. Two CPUs may lose each
        // other's flag here, which only lengthens the silence that ends the flow.
        if opens(packet) {
            (*flow).tcp_flags = packet.tcp_flags;
        } else {
            (*flow).tcp_flags |= packet.tcp_flags;
        }
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
}
