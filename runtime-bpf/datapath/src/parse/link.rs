//! What keeps the link between an endpoint and its node going, and is not traffic:
//!
//! - IPv6 neighbour discovery, which RFC 4861 only accepts with hop limit 255, so it was not
//!   forwarded: router and neighbour solicitations and neighbour advertisements (133, 135, 136)
//!   in both directions; router advertisements and redirects (134, 137) to an endpoint only;
//! - multicast listener messages (130-132, 143) to groups, which have hop limit 1.
//!
//! What an endpoint sends must be for the link too: to a link-local address, to a group, or to
//! the node. Anything else the node would forward, and a "neighbour advertisement" to the other
//! end of the world is a way out past policy.

use polc_abi::{
    event::Hook,
    key::{Address, protocol},
    node::{Side, peer_flag},
    verdict::DropReason,
};

use super::Network;
use crate::{maps, packet::Packet};

/// Whether the packet is link control that may pass. An error when only a router may send it.
#[inline(always)]
pub fn is_control(
    packet: &Packet,
    network: &Network,
    hook: Hook,
    side: Side,
) -> Result<bool, DropReason> {
    // RFC 6980: neighbour discovery is never fragmented.
    if network.protocol != protocol::ICMPV6 || network.is_fragment() {
        return Ok(false);
    }
    let kind = (packet.l4 >> 8) as u8;
    let for_link = match (kind, network.hop_limit) {
        (133 | 135 | 136, 255) => match hook {
            Hook::FromEndpoint => is_of_link(&packet.destination, side),
            Hook::ToEndpoint | Hook::FromUplink | Hook::ToNode | Hook::FromNode => true,
        },
        (134 | 137, 255) => match hook {
            Hook::FromEndpoint => return Err(DropReason::RouterMessage),
            Hook::ToEndpoint | Hook::FromUplink | Hook::ToNode | Hook::FromNode => true,
        },
        (130..=132 | 143, 1) => packet.destination[0] == 0xff,
        _ => false,
    };
    Ok(for_link)
}

/// Whether the node keeps a packet to this address to itself.
#[inline(always)]
fn is_of_link(address: &Address, side: Side) -> bool {
    match (address[0], address[1]) {
        // Groups of the interface and the link.
        (0xff, scope) => scope & 0x0f <= 2,
        // Link-local addresses.
        (0xfe, second) if second & 0xc0 == 0x80 => true,
        _ => maps::address(side, address).is_some_and(|peer| peer.flags & peer_flag::HOST != 0),
    }
}
