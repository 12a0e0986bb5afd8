//! Into an endpoint, as if the node had routed the packet: hardware addresses and hops.

use aya_ebpf::{
    bindings::TC_ACT_REDIRECT, helpers::generated::bpf_redirect_peer, programs::TcContext,
};
use polc_abi::{node::Endpoint, policy::RETURN_ON_FAILURE, verdict::DropReason};

use crate::{
    bytes::{be16, load},
    packet::Packet,
    refuse,
    reject::frame,
    report,
};

/// Bytes of a packet's beginning that hold all that changes: the link header, and a network header up
/// to its hops and, in IPv4, their checksum.
const LENGTH: usize = 26;

/// A packet's beginning.
#[derive(Clone, Copy)]
pub struct Head {
    bytes: [u8; LENGTH],
    is_ipv4: bool,
}

impl Head {
    /// Reads it. `None` where the packet is shorter, which no packet of ours is.
    #[inline(always)]
    pub fn read(ctx: &TcContext) -> Option<Self> {
        Some(Self {
            bytes: load(ctx, 0)?,
            is_ipv4: frame::is_ipv4(ctx),
        })
    }

    /// Whether a router has nothing to do but to pass the packet on: hops are left, and there are no
    /// IPv4 options and no IPv6 hop-by-hop header.
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        if self.is_ipv4 {
            self.bytes[14] == 0x45 && self.bytes[22] > 1
        } else {
            self.bytes[20] != 0 && self.bytes[21] > 1
        }
    }

    /// As a router passes it on to this endpoint: from one end of the link to the other, with one hop
    /// less.
    #[inline(always)]
    fn routed(mut self, endpoint: &Endpoint) -> [u8; LENGTH] {
        let [a, b, c, d, e, f] = endpoint.link.endpoint_mac;
        let [g, h, i, j, k, l] = endpoint.link.node_mac;
        let macs = [a, b, c, d, e, f, g, h, i, j, k, l];
        let mut position = 0;
        while position < macs.len() {
            self.bytes[position] = macs[position];
            position += 1;
        }
        if self.is_ipv4 {
            self.bytes[22] = self.bytes[22].wrapping_sub(1);
            // RFC 1141: what is taken from the hops' half of a word is added to the checksum, and of
            // the two zeros it has the one that the kernel takes.
            let sum = u32::from(be16(self.bytes[24], self.bytes[25])) + 0x0100;
            let sum = sum + u32::from(sum >= 0xffff);
            [self.bytes[24], self.bytes[25]] = (sum as u16).to_be_bytes();
        } else {
            self.bytes[21] = self.bytes[21].wrapping_sub(1);
        }
        self.bytes
    }
}

/// Puts the packet into the endpoint.
///
/// A checksum over all of the packet that a device may have left in it stays right: of IPv4 hops and
/// checksum change by the same amount, and of IPv6 what comes from an endpoint has none.
#[inline(always)]
pub fn enter(ctx: &TcContext, packet: &Packet, endpoint: &Endpoint, head: Head) -> i32 {
    if frame::store(ctx, 0, &head.routed(endpoint)).is_none() {
        return refuse::packet(ctx, packet, DropReason::Undeliverable);
    }
    // SAFETY: only asks the kernel to do it once the program has returned.
    let result = unsafe { bpf_redirect_peer(packet.key.ifindex, 0) };
    if result == i64::from(TC_ACT_REDIRECT) {
        return TC_ACT_REDIRECT as i32;
    }
    report::drop(packet, DropReason::Undeliverable);
    RETURN_ON_FAILURE
}
