//! Fragments: later ones are judged as their first one was, so its L4 header is remembered.

use aya_ebpf::bindings::BPF_ANY;
use polc_abi::{
    key::{Address, L4Key, protocol},
    lifetime,
    verdict::DropReason,
};

use super::Network;
use crate::{maps::FRAGMENTS, packet::Packet};

/// Names a datagram, as one endpoint sees it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FragmentKey {
    source: Address,
    destination: Address,
    id: u32,
    ifindex: u32,
    protocol: u32,
}

/// What the first fragment said.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FirstFragment {
    time_ns: u64,
    l4: u32,
    source_port: u16,
    destination_port: u16,
}

#[inline(always)]
fn key(packet: &Packet) -> FragmentKey {
    FragmentKey {
        source: packet.source,
        destination: packet.destination,
        id: packet.fragment_id,
        ifindex: packet.key.ifindex,
        protocol: u32::from(packet.fragment_protocol),
    }
}

/// Whether the fragment can be a part of a datagram: all but the last have whole units of eight
/// bytes (RFC 791, RFC 8200, 4.5), and no datagram is longer than its length can say.
#[inline(always)]
pub fn is_possible(network: &Network) -> bool {
    let length = network.end.saturating_sub(network.at);
    let last = u32::from(network.fragment_offset) * 8 + length;
    last <= u32::from(u16::MAX) && (!network.more_fragments || length % 8 == 0)
}

/// Remembers a first fragment; does nothing for anything else.
#[inline(always)]
pub fn remember(packet: &Packet) -> Result<(), DropReason> {
    if !packet.is_first_fragment {
        return Ok(());
    }
    let first = FirstFragment {
        time_ns: packet.time_ns,
        l4: packet.l4,
        source_port: packet.source_port,
        destination_port: packet.destination_port,
    };
    // The table takes the place of its oldest entry; if it cannot, the rest has no first fragment.
    FRAGMENTS
        .insert(&key(packet), &first, u64::from(BPF_ANY))
        .map_err(|_| DropReason::OrphanFragment)
}

/// For the endpoint that the packet is turned to now: remembers a first fragment, and takes over from
/// its memory what a later one lacks. What it does not remember never came to it.
#[inline(always)]
pub fn turn(packet: &mut Packet) -> Result<(), DropReason> {
    if packet.fragment_offset == 0 {
        return remember(packet);
    }
    packet.l4 = 0;
    packet.source_port = 0;
    packet.destination_port = 0;
    recall(packet)?;
    packet.key.local_port = packet.destination_port;
    packet.key.remote_port = packet.source_port;
    Ok(())
}

/// Takes ports over from the first fragment.
#[inline(always)]
pub fn recall(packet: &mut Packet) -> Result<(), DropReason> {
    let first = FRAGMENTS
        .get_ptr(&key(packet))
        .ok_or(DropReason::OrphanFragment)?;
    // SAFETY: map memory; an entry that is replaced meanwhile is another first fragment's.
    let first = unsafe { *first };
    // Identifiers come again, and then are another datagram's.
    if packet.time_ns.saturating_sub(first.time_ns) > lifetime::FRAGMENTS {
        return Err(DropReason::OrphanFragment);
    }
    let protocol = L4Key(first.l4).protocol();
    // A second fragment inside the TCP header would write its flags anew (RFC 1858).
    if protocol == protocol::TCP && packet.fragment_offset == 1 {
        return Err(DropReason::Malformed);
    }
    packet.key.protocol = protocol;
    packet.l4 = first.l4;
    packet.source_port = first.source_port;
    packet.destination_port = first.destination_port;
    Ok(())
}
