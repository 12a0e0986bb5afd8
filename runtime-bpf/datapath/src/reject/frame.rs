//! Making a packet into another one.
//!
//! Nothing of the old packet stays, neither bytes nor what the kernel remembers of them: a sender
//! may have left segmentation or checksums to a device, which would tear up or overwrite the
//! answer. Cutting off everything up to behind the L4 header makes the kernel forget a checksum
//! that was still to be computed there (`skb_postpull_rcsum`), and changing the tail makes it
//! forget segmentation and checksums that were verified. All of it is in Linux 5.10.

use aya_ebpf::{
    bindings::bpf_adj_room_mode::BPF_ADJ_ROOM_MAC,
    helpers::generated::{
        bpf_csum_diff, bpf_skb_adjust_room, bpf_skb_change_tail, bpf_skb_store_bytes,
    },
    programs::TcContext,
};
use polc_abi::key::Address;

use crate::{
    bytes::{LINK_HEADER, load},
    packet::Packet,
};

/// Where the L4 header of an answer begins: link header and network header without options.
pub const L4_AT_IPV4: u32 = LINK_HEADER + 20;
/// As [`L4_AT_IPV4`].
pub const L4_AT_IPV6: u32 = LINK_HEADER + 40;

/// What is left between cutting off and growing again: room for a network header, and a length
/// that no answer has, so that the tail always changes.
const LEFT: u32 = L4_AT_IPV6 + 1;

/// Hops that answers may take, as RFC 1700 recommends.
const HOP_LIMIT: u8 = 64;

/// Whether the packet is an IPv4 one. There is nothing else but IPv6 here.
#[inline(always)]
pub fn is_ipv4(ctx: &TcContext) -> bool {
    // SAFETY: the context is valid while the program runs.
    u16::from_be(unsafe { (*ctx.skb.skb).protocol } as u16) == 0x0800
}

/// Makes the packet into one from its destination to its source, with `length` bytes behind its
/// network header, which are zero. Returns where they begin.
#[inline(always)]
pub fn turn_around(ctx: &TcContext, packet: &Packet, protocol: u8, length: u16) -> Option<u32> {
    let link: [u8; 14] = load(ctx, 0)?;
    let is_ipv4 = is_ipv4(ctx);
    let at = if is_ipv4 { L4_AT_IPV4 } else { L4_AT_IPV6 };
    empty(ctx, packet, at + u32::from(length))?;

    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = link;
    store(ctx, 0, &[g, h, i, j, k, l, a, b, c, d, e, f, m, n])?;
    if is_ipv4 {
        let [high, low] = (20 + length).to_be_bytes();
        let [.., s0, s1, s2, s3] = packet.destination;
        let [.., d0, d1, d2, d3] = packet.source;
        let mut header = [
            0x45, 0, high, low, 0, 0, 0x40, 0, HOP_LIMIT, protocol, 0, 0, s0, s1, s2, s3, d0, d1,
            d2, d3,
        ];
        [header[10], header[11]] = finish(sum(&header, 0)?);
        store(ctx, LINK_HEADER, &header)?;
    } else {
        let [high, low] = length.to_be_bytes();
        store(
            ctx,
            LINK_HEADER,
            &[0x60, 0, 0, 0, high, low, protocol, HOP_LIMIT],
        )?;
        store(ctx, LINK_HEADER + 8, &packet.destination)?;
        store(ctx, LINK_HEADER + 24, &packet.source)?;
    }
    Some(at)
}

/// Leaves `length` bytes of nothing in particular.
#[inline(always)]
fn empty(ctx: &TcContext, packet: &Packet, length: u32) -> Option<()> {
    let skb = ctx.skb.skb;
    let away = u32::from(packet.l4_at) + 1;
    // SAFETY: the helpers check their arguments, and nothing here points into the packet.
    let failed = unsafe {
        bpf_skb_change_tail(skb, away + LEFT, 0) != 0
            || bpf_skb_adjust_room(skb, -(away as i32), BPF_ADJ_ROOM_MAC, 0) != 0
            || bpf_skb_change_tail(skb, length, 0) != 0
    };
    (!failed).then_some(())
}

/// Writes bytes into the packet.
#[inline(always)]
pub fn store<const N: usize>(ctx: &TcContext, at: u32, bytes: &[u8; N]) -> Option<()> {
    store_some(ctx, at, bytes, N as u32)
}

/// Writes the first `length` of these bytes into the packet.
#[inline(always)]
pub fn store_some(ctx: &TcContext, at: u32, bytes: &[u8], length: u32) -> Option<()> {
    // SAFETY: the verifier checks that the bytes are there.
    let failed = unsafe { bpf_skb_store_bytes(ctx.skb.skb, at, bytes.as_ptr().cast(), length, 0) };
    (failed == 0).then_some(())
}

/// The Internet checksum's sum (RFC 1071) of bytes, and of what was summed before.
#[inline(always)]
pub fn sum<const N: usize>(bytes: &[u8; N], before: u32) -> Option<u32> {
    const { assert!(N % 4 == 0) };
    sum_some(bytes, N as u32, before)
}

/// As [`sum`], of the first `length` of these bytes, which is a multiple of four.
#[inline(always)]
pub fn sum_some(bytes: &[u8], length: u32, before: u32) -> Option<u32> {
    // SAFETY: the verifier checks that the bytes are there. The helper only reads them.
    let sum = unsafe {
        bpf_csum_diff(
            core::ptr::null_mut(),
            0,
            bytes.as_ptr().cast_mut().cast(),
            length,
            before,
        )
    };
    (sum >= 0).then_some(sum as u32)
}

/// The sum of the pseudo-header that TCP and ICMPv6 share, of either family. In an IPv4 address's
/// mapped form the prefix adds `0xffff`, which is zero in this arithmetic.
#[inline(always)]
pub fn pseudo_header(packet: &Packet, protocol: u8, length: u16) -> Option<u32> {
    let source: &Address = &packet.source;
    let sum_of_both = sum(&packet.destination, sum(source, 0)?)?;
    let [high, low] = length.to_be_bytes();
    sum(&[0, protocol, high, low], sum_of_both)
}

/// The checksum field that belongs to a sum.
#[inline(always)]
pub fn finish(sum: u32) -> [u8; 2] {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    (!(sum as u16)).to_ne_bytes()
}
