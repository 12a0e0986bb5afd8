//! The reset that answers a TCP segment: RFC 9293, 3.10.7.1.

use aya_ebpf::programs::TcContext;
use polc_abi::{
    key::protocol,
    tcp::flag::{ACK, FIN, RST, SYN},
};

use super::frame;
use crate::{bytes::load, packet::Packet};

const HEADER: u16 = 20;

/// Makes the packet into the reset that answers it.
///
/// Where the segment acknowledges, the reset has the number that its sender expects next, so that
/// it is believed in the middle of a connection (RFC 5961). Where not, it acknowledges all of the
/// segment, so that it is believed by who opens one.
#[inline(always)]
pub fn reset(ctx: &TcContext, packet: &Packet) -> Option<()> {
    let header: [u8; 16] = load(ctx, u32::from(packet.l4_at))?;
    let [
        s0,
        s1,
        d0,
        d1,
        q0,
        q1,
        q2,
        q3,
        a0,
        a1,
        a2,
        a3,
        offset,
        flags,
        _,
        _,
    ] = header;
    let zero = [0; 4];
    let (sequence, acknowledgement, flags) = if flags & ACK != 0 {
        ([a0, a1, a2, a3], zero, RST)
    } else {
        let payload = u32::from(packet.l4_length).wrapping_sub(u32::from(offset >> 4) * 4);
        let flags_length = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        let next = u32::from_be_bytes([q0, q1, q2, q3])
            .wrapping_add(payload)
            .wrapping_add(flags_length);
        (zero, next.to_be_bytes(), RST | ACK)
    };
    let at = frame::turn_around(ctx, packet, protocol::TCP, HEADER)?;
    let [q0, q1, q2, q3] = sequence;
    let [a0, a1, a2, a3] = acknowledgement;
    let mut header = [
        d0, d1, s0, s1, q0, q1, q2, q3, a0, a1, a2, a3, 0x50, flags, 0, 0, 0, 0, 0, 0,
    ];
    let sum = frame::sum(
        &header,
        frame::pseudo_header(packet, protocol::TCP, HEADER)?,
    )?;
    [header[16], header[17]] = frame::finish(sum);
    frame::store(ctx, at, &header)
}
