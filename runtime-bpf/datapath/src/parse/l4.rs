//! L4 headers: what policy and flows need of them.

use aya_ebpf::programs::TcContext;
use polc_abi::{
    key::{L4Key, protocol},
    verdict::DropReason,
};

use super::Network;
use crate::{
    bytes::{be16, load},
    packet::Packet,
};

const TCP_HEADER: u32 = 20;
const UDP_HEADER: u32 = 8;
const SCTP_HEADER: u32 = 12;
const ICMP_HEADER: u32 = 8;

/// Reads ports, flags, type and code. A header that does not fit is malformed.
#[inline(always)]
pub fn header(ctx: &TcContext, packet: &mut Packet, network: &Network) -> Result<(), DropReason> {
    let room = network.end.saturating_sub(network.at);
    let needed = match network.protocol {
        protocol::TCP => TCP_HEADER,
        protocol::UDP => UDP_HEADER,
        protocol::SCTP => SCTP_HEADER,
        protocol::ICMP | protocol::ICMPV6 => ICMP_HEADER,
        other => {
            packet.l4 = L4Key::port(other, 0).0;
            return Ok(());
        }
    };
    if room < needed {
        return Err(DropReason::Malformed);
    }
    let start: [u8; 8] = load(ctx, network.at).ok_or(DropReason::Malformed)?;
    match network.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            let [kind, code, _, _, id_high, id_low, ..] = start;
            packet.l4 = L4Key::icmp(network.protocol, kind, code).0;
            (packet.source_port, packet.destination_port) =
                icmp_ports(network.protocol, kind, code, be16(id_high, id_low));
            return Ok(());
        }
        protocol::TCP => {
            let [s0, s1, s2, s3, a0, a1, a2, a3, offset, flags]: [u8; 10] =
                load(ctx, network.at + 4).ok_or(DropReason::Malformed)?;
            let length = u32::from(offset >> 4) * 4;
            if length < TCP_HEADER || length > room {
                return Err(DropReason::Malformed);
            }
            packet.sequence = u32::from_be_bytes([s0, s1, s2, s3]);
            packet.acknowledgement = u32::from_be_bytes([a0, a1, a2, a3]);
            packet.header_length = length;
            packet.tcp_flags = flags;
        }
        protocol::UDP => {
            let length = u32::from(be16(start[4], start[5]));
            if length < UDP_HEADER || (length > room && !network.is_fragment()) {
                return Err(DropReason::Malformed);
            }
        }
        _ => {}
    }
    packet.source_port = be16(start[0], start[1]);
    packet.destination_port = be16(start[2], start[3]);
    packet.l4 = L4Key::port(network.protocol, packet.destination_port).0;
    Ok(())
}

/// Ports that an ICMP message has as a flow: see [`FlowKey`](polc_abi::flow::FlowKey).
#[inline(always)]
pub fn icmp_ports(protocol: u8, kind: u8, code: u8, identifier: u16) -> (u16, u16) {
    match (protocol, kind) {
        (protocol::ICMP, 8) | (protocol::ICMPV6, 128) => (identifier, 0),
        (protocol::ICMP, 0) | (protocol::ICMPV6, 129) => (0, identifier),
        _ => (be16(kind, code), be16(kind, code)),
    }
}
