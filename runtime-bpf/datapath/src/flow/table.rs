//! The two tables of flows. One is for flows that both ends have shown to want; the other for those
//! that may be anybody's invention, and for connections that are over. A flow begins in the second
//! and moves once, a connection twice, so that neither a flood of packets that nobody wants nor many
//! short connections take the place of a flow that somebody uses.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use polc_abi::{
    flow::{Flow, FlowKey},
    key::protocol,
    tcp,
};

use crate::maps::{FLOWS, NEW_FLOWS};

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `flows`
    Settled,
    /// `new_flows`
    New,
}

/// Finds a flow, for a packet with these TCP flags; zero for other protocols.
///
/// What opens a TCP connection, or answers that, belongs to a flow that is not settled: where there
/// is a settled one of the same key, its ends may have forgotten it, and until one of them says so
/// both are kept. Everything else is looked for among the settled flows first.
#[inline(always)]
pub fn find(key: &FlowKey, tcp_flags: u8) -> Option<(*mut Flow, Table)> {
    let is_tcp = key.protocol == protocol::TCP;
    let handshake = is_tcp && (tcp::opens(tcp_flags) || tcp::accepts(tcp_flags));
    if !handshake && let Some(flow) = FLOWS.get_ptr_mut(key) {
        return Some((flow, Table::Settled));
    }
    if let Some(flow) = NEW_FLOWS.get_ptr_mut(key) {
        return Some((flow, Table::New));
    }
    // The answer to an opening that was repeated; or the flow has moved between the two lookups,
    // which only a connection would not survive.
    if is_tcp
        && !tcp::opens(tcp_flags)
        && let Some(flow) = FLOWS.get_ptr_mut(key)
    {
        return Some((flow, Table::Settled));
    }
    None
}

/// Adds a new flow, in the place of one that has the same key and is not settled.
#[inline(always)]
pub fn begin(key: &FlowKey, flow: &Flow) -> Result<(), ()> {
    NEW_FLOWS
        .insert(key, flow, u64::from(BPF_ANY))
        .map_err(|_| ())
}

/// Moves a flow to the settled ones, where it may take the place of one that its ends have
/// forgotten. It is in both tables before it is in one. Where that fails, it stays what it is, and
/// its next packet tries again.
///
/// # Safety
/// `flow` is a value of `new_flows`.
#[inline(always)]
pub unsafe fn settle(key: &FlowKey, flow: *mut Flow) {
    // SAFETY: map memory, which the kernel copies from. What other CPUs write to the counters
    // meanwhile may be lost; a judgement that they write is of another epoch, and will be given
    // again.
    if FLOWS
        .insert(key, unsafe { &*flow }, u64::from(BPF_ANY))
        .is_ok()
    {
        let _ = NEW_FLOWS.remove(key);
    }
}

/// Moves a connection that is over away from the settled flows, to where it is in nobody's way.
///
/// # Safety
/// `flow` is a value of `flows`.
#[inline(always)]
pub unsafe fn end(key: &FlowKey, flow: *mut Flow) {
    // SAFETY: as in `settle`. A handshake of the same ports may have begun there, and stays; and what
    // finds no place is over anyway.
    let _ = NEW_FLOWS.insert(key, unsafe { &*flow }, u64::from(BPF_NOEXIST));
    forget_settled(key);
}

/// Forgets the settled flow of a key, if there is one.
#[inline(always)]
pub fn forget_settled(key: &FlowKey) {
    let _ = FLOWS.remove(key);
}
