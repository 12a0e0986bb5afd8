//! Into an endpoint, as if the node had routed the packet: hardware addresses and hops.

use aya_ebpf::{
    bindings::{BPF_F_RECOMPUTE_CSUM, TC_ACT_REDIRECT},
    helpers::generated::{bpf_redirect_peer, bpf_skb_store_bytes},
    programs::TcContext,
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

    /// With these hardware addresses, the receiver's first.
    #[inline(always)]
    fn between(mut self, [to, from]: [[u8; 6]; 2]) -> Self {
        let [a, b, c, d, e, f] = to;
        let [g, h, i, j, k, l] = from;
        let macs = [a, b, c, d, e, f, g, h, i, j, k, l];
        let mut position = 0;
        while position < macs.len() {
            self.bytes[position] = macs[position];
            position += 1;
        }
        self
    }

    /// Writes it back with one hop less.
    ///
    /// A checksum over all of the packet that a device may have left in it stays right: of IPv4, hops and
    /// checksum change by the same amount; of IPv6, the kernel is told.
    #[inline(always)]
    pub fn hop(mut self, ctx: &TcContext) -> Option<()> {
        if self.is_ipv4 {
            self.bytes[22] = self.bytes[22].wrapping_sub(1);
            // RFC 1141: what is taken from the hops' half of a word is added to the checksum, and of
            // the two zeros it has the one that the kernel takes.
            let sum = u32::from(be16(self.bytes[24], self.bytes[25])) + 0x0100;
            let sum = sum + u32::from(sum >= 0xffff);
            [self.bytes[24], self.bytes[25]] = (sum as u16).to_be_bytes();
            return frame::store(ctx, 0, &self.bytes);
        }
        frame::store(ctx, 0, &self.bytes)?;
        let hops = [self.bytes[20], self.bytes[21].wrapping_sub(1)];
        // SAFETY: the bytes are there.
        let failed = unsafe {
            bpf_skb_store_bytes(
                ctx.skb.skb,
                20,
                hops.as_ptr().cast(),
                2,
                u64::from(BPF_F_RECOMPUTE_CSUM),
            )
        };
        (failed == 0).then_some(())
    }

    /// Type of service, or traffic class and flow label, as a lookup of routes wants it.
    #[inline(always)]
    pub fn class(&self) -> u32 {
        if self.is_ipv4 {
            u32::from(self.bytes[15])
        } else {
            let [a, b, c, d] = [
                self.bytes[14] & 0x0f,
                self.bytes[15],
                self.bytes[16],
                self.bytes[17],
            ];
            u32::from_ne_bytes([a, b, c, d])
        }
    }

    /// Whether it is of IPv4; else it is of IPv6.
    #[inline(always)]
    pub fn is_ipv4(&self) -> bool {
        self.is_ipv4
    }
}

/// Puts the packet into the endpoint, from one end of its link to the other.
#[inline(always)]
pub fn enter(ctx: &TcContext, packet: &Packet, endpoint: &Endpoint, head: Head) -> i32 {
    let link = &endpoint.link;
    let head = head.between([link.endpoint_mac, link.node_mac]);
    if head.hop(ctx).is_none() {
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
