//! Following a connection: see [`polc_abi::tcp`], which decides.

use polc_abi::{
    flow::Flow,
    key::protocol,
    tcp::{Segment, TcpEnd, accepts, observe},
};

use super::table::{self, Table};
use crate::packet::Packet;

#[inline(always)]
fn segment(packet: &Packet) -> Segment {
    Segment {
        sequence: packet.sequence,
        acknowledgement: packet.acknowledgement,
        // Of a first fragment, what it has: its connection is lost track of, and not lost.
        length: u32::from(packet.l4_length).wrapping_sub(packet.header_length),
        flags: packet.tcp_flags,
    }
}

/// Both ends after the packet that starts a flow.
#[inline(always)]
pub fn opening(packet: &Packet) -> (TcpEnd, TcpEnd) {
    let nothing = TcpEnd::default();
    if packet.key.protocol != protocol::TCP {
        return (nothing, nothing);
    }
    observe(nothing, nothing, segment(packet)).unwrap_or((nothing, nothing))
}

/// Moves the state on by a packet of the flow.
#[inline(always)]
pub fn follow(flow: *mut Flow, table: Table, packet: &Packet, forward: bool) {
    // SAFETY: map memory. Only packets of one direction write a half, but for what a SYN writes
    // to the other, which has not spoken then.
    unsafe {
        let (from, to) = if forward {
            (&raw mut (*flow).initiator, &raw mut (*flow).responder)
        } else {
            (&raw mut (*flow).responder, &raw mut (*flow).initiator)
        };
        let (sender, receiver) = (*from, *to);
        let Some((sender, receiver_after)) = observe(sender, receiver, segment(packet)) else {
            return;
        };
        *from = sender;
        if receiver_after.acknowledged != receiver.acknowledged {
            (*to).acknowledged = receiver_after.acknowledged;
        }
    }
    // Nobody accepts a connection beside one of the same ports: what was there is over.
    if table == Table::New && accepts(packet.tcp_flags) {
        table::forget_settled(&packet.key);
    }
}
