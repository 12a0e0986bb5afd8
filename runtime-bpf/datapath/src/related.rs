//! ICMP errors: they pass when the packet that they speak about belongs to an allowed flow.

use aya_ebpf::programs::TcContext;
use polc_abi::{
    event::Hook,
    flow::Judgement,
    key::protocol,
    verdict::{DeciderId, DropReason, Verdict},
};

use crate::{
    bytes::{be16, load},
    flow::table,
    packet::Packet,
    parse::{Network, ipv4, ipv6},
};

/// Bytes of an ICMP header, behind which the packet that caused the error begins.
const ICMP_HEADER: u32 = 8;

/// Bytes behind the network header that every error quotes.
const QUOTED_L4: u32 = 8;

/// Makes the flow of the packet inside the error the one that the packet belongs to, as the endpoint
/// at the hook sees it.
#[inline(always)]
pub fn orient(
    ctx: &TcContext,
    packet: &mut Packet,
    network: &Network,
    hook: Hook,
) -> Result<(), DropReason> {
    // No error is so large that it must be torn up (RFC 1812, 4.3.2.3; RFC 4443, 2.4 (c)), and what
    // is in a later piece is no packet's beginning.
    if network.is_later_fragment() {
        return Err(DropReason::UnrelatedError);
    }
    let at = network.at + ICMP_HEADER;
    // Addresses in the inner packet are read over the outer ones and put back for the report.
    let (source, destination) = (packet.source, packet.destination);
    let inner = if network.protocol == protocol::ICMP {
        ipv4::header(ctx, packet, at).map(|header| header.network)
    } else {
        ipv6::header(ctx, packet, at).and_then(|header| ipv6::extensions(ctx, header.network))
    };
    let (inner_source, inner_destination) = (packet.source, packet.destination);
    packet.source = source;
    packet.destination = destination;
    let inner = inner.map_err(|_| DropReason::UnrelatedError)?;
    // What lies behind the error's end is no part of it.
    let is_inside = inner.at.saturating_add(QUOTED_L4) <= network.end;
    if inner.is_later_fragment() || !is_inside {
        return Err(DropReason::UnrelatedError);
    }
    let (source_port, destination_port) = ports(ctx, &inner).ok_or(DropReason::UnrelatedError)?;

    // What comes to the endpoint speaks about what it sent, and the other way round.
    match hook {
        Hook::FromEndpoint | Hook::FromNode => {
            packet.key.local = inner_destination;
            packet.key.remote = inner_source;
            packet.key.local_port = destination_port;
            packet.key.remote_port = source_port;
        }
        Hook::ToEndpoint | Hook::FromUplink | Hook::ToNode => {
            packet.key.local = inner_source;
            packet.key.remote = inner_destination;
            packet.key.local_port = source_port;
            packet.key.remote_port = destination_port;
        }
    }
    packet.key.protocol = inner.protocol;
    packet.is_error = true;
    Ok(())
}

/// Looks up the flow that the error speaks about. A flow of an older epoch does not count: the
/// error may be lost, and the flow's next packet is judged anyway.
#[inline(always)]
pub fn judge(packet: &mut Packet) -> Result<(), DropReason> {
    let (flow, _) = table::find(&packet.key, 0).ok_or(DropReason::UnrelatedError)?;
    // SAFETY: map memory, each read once.
    let (judgement, past_stack) = unsafe {
        (
            Judgement((&raw const (*flow).judgement).read_volatile()),
            (*flow).past_stack,
        )
    };
    match judgement.verdict() {
        Verdict::Allow
            if judgement.epoch() == packet.epoch
                || judgement.decider() == DeciderId::TRANSLATED =>
        {
            packet.past_stack = past_stack;
            Ok(())
        }
        _ => Err(DropReason::UnrelatedError),
    }
}

/// Ports as flows have them, from the eight bytes that every error carries.
#[inline(always)]
fn ports(ctx: &TcContext, inner: &Network) -> Option<(u16, u16)> {
    let [a, b, c, d, e, f, ..]: [u8; 8] = load(ctx, inner.at)?;
    Some(match inner.protocol {
        protocol::TCP | protocol::UDP | protocol::SCTP => (be16(a, b), be16(c, d)),
        protocol::ICMP | protocol::ICMPV6 => {
            crate::parse::l4::icmp_ports(inner.protocol, a, b, be16(e, f))
        }
        _ => (0, 0),
    })
}
