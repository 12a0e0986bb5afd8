//! The ICMP error that answers everything but TCP: RFC 792, RFC 4443.

use aya_ebpf::{helpers::generated::bpf_skb_load_bytes, programs::TcContext};
use polc_abi::key::protocol;

use super::frame;
use crate::{bytes::LINK_HEADER, packet::Packet};

/// "Destination unreachable, communication administratively prohibited", of ICMP and ICMPv6.
const PROHIBITED: [u8; 2] = [3, 13];
const PROHIBITED_V6: [u8; 2] = [1, 1];

const HEADER: u16 = 8;
/// Bytes behind the network header that an error quotes: what RFC 792 asks for, and all that
/// anyone needs to find the flow. More would make a small packet's answer large.
const QUOTED_L4: u16 = 8;
/// The most that is quoted: IPv4 with all options that there can be, or IPv6 with some extensions.
const QUOTE: usize = 128;

/// Makes the packet into the error that answers it.
#[inline(always)]
pub fn prohibited(ctx: &TcContext, packet: &Packet) -> Option<()> {
    let mut quote = [0_u8; QUOTE];
    let length = quoted(packet)?;
    // SAFETY: the helper writes `length` bytes or fails, and `length` is at most `QUOTE`.
    let failed = unsafe {
        bpf_skb_load_bytes(
            ctx.skb.skb.cast(),
            LINK_HEADER,
            quote.as_mut_ptr().cast(),
            length,
        )
    };
    if failed != 0 {
        return None;
    }
    let is_ipv4 = frame::is_ipv4(ctx);
    let (number, [kind, code]) = if is_ipv4 {
        (protocol::ICMP, PROHIBITED)
    } else {
        (protocol::ICMPV6, PROHIBITED_V6)
    };
    let bytes = HEADER + length as u16;
    let at = frame::turn_around(ctx, packet, number, bytes)?;
    let mut header = [kind, code, 0, 0, 0, 0, 0, 0];
    let pseudo_header = if is_ipv4 {
        0
    } else {
        frame::pseudo_header(packet, number, bytes)?
    };
    let sum = frame::sum(&header, pseudo_header)?;
    // What is quoted ends in zeros, which add nothing.
    let sum = frame::sum_some(&quote, QUOTE as u32, sum)?;
    [header[2], header[3]] = frame::finish(sum);
    frame::store(ctx, at, &header)?;
    frame::store_some(ctx, at + u32::from(HEADER), &quote, length)
}

/// How many bytes are quoted, from the network header on: 1 to [`QUOTE`].
#[inline(always)]
fn quoted(packet: &Packet) -> Option<u32> {
    let l4 = if packet.l4_length < QUOTED_L4 {
        packet.l4_length
    } else {
        QUOTED_L4
    };
    let last = (u32::from(packet.l4_at) + u32::from(l4)).wrapping_sub(LINK_HEADER + 1);
    if last >= QUOTE as u32 {
        return None;
    }
    // Verifiers before 6.8 do not carry the comparison over to what is passed on, and the compiler
    // would take away a mask that says nothing new to it.
    const { assert!(QUOTE.is_power_of_two()) };
    Some((core::hint::black_box(last) & (QUOTE as u32 - 1)) + 1)
}

/// Whether an ICMP message may be answered with an error: not if it is one, or may be one.
#[inline(always)]
pub fn is_question(packet: &Packet) -> bool {
    let kind = (packet.l4 >> 8) as u8;
    match packet.key.protocol {
        // Echo, router discovery, timestamp, information and mask: the others are errors, source
        // quench and redirects among them, or unknown.
        protocol::ICMP => matches!(kind, 0 | 8..=10 | 13..=18),
        // Errors are below 128; 137 redirects.
        protocol::ICMPV6 => kind >= 128 && kind != 137,
        _ => false,
    }
}
