//! What keeps the link between an endpoint and its node going, and is not traffic:
//!
//! - IPv6 neighbour discovery, which RFC 4861 only accepts with hop limit 255, so it was not
//!   forwarded: router and neighbour solicitations and neighbour advertisements (133, 135, 136)
//!   in both directions; router advertisements and redirects (134, 137) to an endpoint only;
//! - multicast listener messages (130-132, 143), which have hop limit 1.

use polc_abi::{event::Hook, key::protocol, verdict::DropReason};

use super::Network;
use crate::packet::Packet;

/// Whether the packet is link control that may pass. An error when only a router may send it.
#[inline(always)]
pub fn is_control(packet: &Packet, network: &Network, hook: Hook) -> Result<bool, DropReason> {
    // RFC 6980: neighbour discovery is never fragmented.
    if network.protocol != protocol::ICMPV6 || network.is_fragment() {
        return Ok(false);
    }
    let kind = (packet.l4 >> 8) as u8;
    match (kind, network.hop_limit) {
        (133 | 135 | 136, 255) => Ok(true),
        (134 | 137, 255) => match hook {
            Hook::FromEndpoint => Err(DropReason::RouterMessage),
            Hook::ToEndpoint | Hook::FromUplink => Ok(true),
        },
        (130..=132 | 143, 1) => Ok(true),
        _ => Ok(false),
    }
}
