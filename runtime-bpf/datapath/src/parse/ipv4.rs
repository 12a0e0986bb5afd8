//! The IPv4 header.

use aya_ebpf::programs::TcContext;
use polc_abi::verdict::DropReason;

use super::Network;
use crate::{
    bytes::{self, be16, load},
    packet::Packet,
};

/// A header that has been read.
pub struct Header {
    /// What it says.
    pub network: Network,
}

/// Bytes of a header without options.
pub const HEADER: u32 = 20;

const DO_NOT_FRAGMENT_OR_RESERVED: u16 = 0xc000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

/// Reads the header at `at`, with its options skipped ([`options`](super::options) reads them), and the addresses into the packet.
#[inline(always)]
pub fn header(ctx: &TcContext, packet: &mut Packet, at: u32) -> Result<Header, DropReason> {
    let header: [u8; 20] = load(ctx, at).ok_or(DropReason::Malformed)?;
    let length = u32::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || length < HEADER {
        return Err(DropReason::Malformed);
    }
    let fragment = be16(header[6], header[7]) & !DO_NOT_FRAGMENT_OR_RESERVED;
    // SAFETY: addresses in the packet memory are aligned: asserted in `packet`.
    unsafe {
        let source = [header[12], header[13], header[14], header[15]];
        bytes::set_ipv4(&mut packet.source, source);
        let destination = [header[16], header[17], header[18], header[19]];
        bytes::set_ipv4(&mut packet.destination, destination);
    }
    Ok(Header {
        network: Network {
            at: at + length,
            end: at + u32::from(be16(header[2], header[3])),
            fragment_id: u32::from(be16(header[4], header[5])),
            fragment_offset: fragment & OFFSET,
            protocol: header[9],
            fragment_protocol: header[9],
            hop_limit: header[8],
            more_fragments: fragment & MORE_FRAGMENTS != 0,
        },
    })
}
