//! Parsing: once, to the L4 header, with `bpf_skb_load_bytes`, which reads packets however the
//! kernel has laid them out.

pub mod fragment;
pub mod ipv4;
pub mod ipv6;
pub mod l4;
pub mod link;
mod options;

use aya_ebpf::programs::TcContext;
use polc_abi::{key::protocol, verdict::DropReason};

use crate::{bytes::LINK_HEADER, packet::Packet};

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_ARP: u32 = 0x0806;
const ETHERTYPE_IPV6: u32 = 0x86dd;

/// What a frame carries.
pub enum Frame {
    /// Address resolution, which is the link's and not traffic.
    Arp,
    /// A packet of either family. Addresses are in the [`Packet`].
    Ip(Network),
}

/// What the network header and its extensions say.
#[derive(Clone, Copy)]
pub struct Network {
    /// Where the L4 header begins.
    pub at: u32,
    /// Where the packet ends, by its own word.
    pub end: u32,
    /// Identifier of the fragmented datagram.
    pub fragment_id: u32,
    /// Where in the datagram the fragment belongs, in units of eight bytes.
    pub fragment_offset: u16,
    /// The L4 protocol. Of a later fragment, what its fragment header says comes first, which may
    /// be one more extension: [`fragment::recall`] knows better.
    pub protocol: u8,
    /// What the datagram's fragment headers say comes first: part of the datagram's name.
    pub fragment_protocol: u8,
    /// Time to live, or hop limit.
    pub hop_limit: u8,
    /// Whether more fragments follow.
    pub more_fragments: bool,
}

impl Network {
    /// Whether the packet has no L4 header because an earlier fragment has it.
    #[inline(always)]
    pub fn is_later_fragment(&self) -> bool {
        self.fragment_offset != 0
    }

    /// Whether the packet is part of a datagram.
    #[inline(always)]
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }

    /// Whether the packet is an ICMP message about another packet.
    #[inline(always)]
    pub fn is_icmp_error(&self, packet: &Packet) -> bool {
        let kind = (packet.l4 >> 8) as u8;
        // Of a later fragment, its first one's.
        match packet.key.protocol {
            // Destination unreachable, time exceeded, parameter problem.
            protocol::ICMP => matches!(kind, 3 | 11 | 12),
            // The same three, and packet too big.
            protocol::ICMPV6 => matches!(kind, 1..=4),
            _ => false,
        }
    }
}

/// The ethertype that the kernel will deliver by. Frames with a VLAN tag have none that is ours.
#[inline(always)]
fn ethertype(ctx: &TcContext) -> u32 {
    let skb = ctx.skb.skb;
    // SAFETY: the context is valid while the program runs.
    unsafe {
        if (*skb).vlan_present != 0 {
            return 0;
        }
        u32::from(u16::from_be((*skb).protocol as u16))
    }
}

/// Reads link and network headers. The packet must be whole, by its own word.
#[inline(always)]
pub fn network(ctx: &TcContext, packet: &mut Packet) -> Result<Frame, DropReason> {
    let frame_end = ctx.skb.len();
    let network = match ethertype(ctx) {
        ETHERTYPE_ARP => return Ok(Frame::Arp),
        ETHERTYPE_IPV4 => {
            let header = ipv4::header(ctx, packet, LINK_HEADER)?;
            if header.network.end > frame_end || header.network.at > header.network.end {
                return Err(DropReason::Malformed);
            }
            options::check(ctx, packet, LINK_HEADER + ipv4::HEADER, header.network.at)?;
            header.network
        }
        ETHERTYPE_IPV6 => {
            let header = ipv6::header(ctx, packet, LINK_HEADER)?;
            if header.network.end > frame_end {
                return Err(DropReason::Malformed);
            }
            let network = ipv6::extensions(ctx, header.network)?;
            if network.at > network.end {
                return Err(DropReason::Malformed);
            }
            network
        }
        _ => return Err(DropReason::UnknownEtherType),
    };
    if network.is_fragment() && !fragment::is_possible(&network) {
        return Err(DropReason::Malformed);
    }
    packet.key.protocol = network.protocol;
    Ok(Frame::Ip(network))
}

/// Reads addresses only. Whether there are any.
#[inline(always)]
pub fn addresses(ctx: &TcContext, packet: &mut Packet) -> Result<bool, DropReason> {
    match ethertype(ctx) {
        ETHERTYPE_IPV4 => {
            let header = ipv4::header(ctx, packet, LINK_HEADER)?;
            packet.l4 = u32::from(header.network.protocol) << 16;
        }
        ETHERTYPE_IPV6 => {
            let header = ipv6::header(ctx, packet, LINK_HEADER)?;
            packet.l4 = u32::from(header.network.protocol) << 16;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Reads the L4 header into the packet, or takes it over from the first fragment.
#[inline(always)]
pub fn transport(
    ctx: &TcContext,
    packet: &mut Packet,
    network: &Network,
) -> Result<(), DropReason> {
    if network.is_fragment() {
        packet.fragment_id = network.fragment_id;
        packet.fragment_protocol = network.fragment_protocol;
        packet.fragment_offset = network.fragment_offset;
        packet.is_first_fragment = !network.is_later_fragment();
    }
    if network.is_later_fragment() {
        return fragment::recall(packet);
    }
    // Both fit: at most six extensions of 2 KiB come before, and a packet's length has 16 bits.
    packet.l4_at = network.at as u16;
    packet.l4_length = network.end.saturating_sub(network.at) as u16;
    l4::header(ctx, packet, network)
}
