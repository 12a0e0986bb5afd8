//! The IPv6 header and its extensions.

use aya_ebpf::programs::TcContext;
use polc_abi::{key::Address, verdict::DropReason};

use super::Network;
use crate::{
    bytes::{be16, load, load_address},
    packet::Packet,
};

/// A header that has been read; its extensions have not.
pub struct Header {
    /// What it says.
    pub network: Network,
}

const HEADER: u32 = 40;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// A packet with so many extension headers is refused, as nobody can say what is behind them. Real
/// ones have one or two.
const MAX_EXTENSIONS: u32 = 6;

/// Reads the header at `at`, and the addresses into the packet.
#[inline(always)]
pub fn header(ctx: &TcContext, packet: &mut Packet, at: u32) -> Result<Header, DropReason> {
    let header: [u8; 8] = load(ctx, at).ok_or(DropReason::Malformed)?;
    if header[0] >> 4 != 6 {
        return Err(DropReason::Malformed);
    }
    load_address(ctx, at + 8, &mut packet.source).ok_or(DropReason::Malformed)?;
    load_address(ctx, at + 24, &mut packet.destination).ok_or(DropReason::Malformed)?;
    // Tables hold IPv4 addresses in this form. No packet has a right to it (RFC 4291, 2.5.5.2),
    // and one that had it would pass for an IPv4 packet of that address.
    if is_mapped(&packet.source) || is_mapped(&packet.destination) {
        return Err(DropReason::Malformed);
    }
    Ok(Header {
        network: Network {
            at: at + HEADER,
            end: at + HEADER + u32::from(be16(header[4], header[5])),
            fragment_id: 0,
            fragment_offset: 0,
            protocol: header[6],
            fragment_protocol: header[6],
            hop_limit: header[7],
            more_fragments: false,
        },
    })
}

/// Whether an address is in `::ffff:0:0/96`.
#[inline(always)]
fn is_mapped(address: &Address) -> bool {
    const MAPPED: u32 = u32::from_be_bytes([0, 0, 0xff, 0xff]).to_be();
    let words = address.as_ptr().cast::<u32>();
    // SAFETY: both addresses lie in the packet memory, aligned to eight bytes.
    let (a, b, c) = unsafe { (words.read(), words.add(1).read(), words.add(2).read()) };
    (a | b | (c ^ MAPPED)) == 0
}

/// Follows extension headers to the L4 header, or to a fragment's end of what can be known.
///
/// Jumbograms, which say nothing about their length here, are refused by their caller. A routing
/// header with segments left is refused: the packet goes on from its destination to
/// places that policy was never asked about.
#[inline(always)]
pub fn extensions(ctx: &TcContext, mut network: Network) -> Result<Network, DropReason> {
    let mut is_fragment = false;
    for position in 0..MAX_EXTENSIONS {
        let length = match network.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | AUTHENTICATION | FRAGMENT => {
                let next: [u8; 8] = load(ctx, network.at).ok_or(DropReason::Malformed)?;
                let extension = network.protocol;
                network.protocol = next[0];
                match extension {
                    // RFC 8200, 4.1: first, or not at all.
                    HOP_BY_HOP if position != 0 => return Err(DropReason::Malformed),
                    // A datagram is torn up once. A second one would say something else.
                    FRAGMENT if is_fragment => return Err(DropReason::Malformed),
                    FRAGMENT => {
                        is_fragment = true;
                        network.fragment_protocol = next[0];
                        let field = be16(next[2], next[3]);
                        network.fragment_offset = field >> 3;
                        network.more_fragments = field & 1 != 0;
                        network.fragment_id = u32::from(be16(next[4], next[5])) << 16
                            | u32::from(be16(next[6], next[7]));
                        8
                    }
                    AUTHENTICATION => (u32::from(next[1]) + 2) * 4,
                    ROUTING if next[3] != 0 => return Err(DropReason::Malformed),
                    _ => (u32::from(next[1]) + 1) * 8,
                }
            }
            _ => return Ok(network),
        };
        network.at += length;
        if network.is_later_fragment() {
            return Ok(network);
        }
    }
    Err(DropReason::Malformed)
}
