//! Packets from one endpoint of the node to another pass two hooks, and the policy may change in
//! between. Both must judge by the same one.

use core::mem::{MaybeUninit, offset_of};

use aya_ebpf::programs::TcContext;
use polc_abi::{
    flow::{FlowKey, Judgement},
    tcp::flag::RST,
    verdict::{DropReason, Verdict},
};

use crate::{
    bytes::{self, Aligned},
    flow::table,
    packet::Packet,
};

/// Moves the packet to the side that its sender was judged by, if that was another one than this
/// hook's. Whether it did.
///
/// The sender's flow was written microseconds ago. If it says the epoch next to ours, the other
/// side is that epoch's: the agent empties it no sooner than a grace period after the switch, and
/// what it empties denies. Any other epoch is refused. A sender without such a flow is one whose
/// addresses the node has translated, and is judged here alone.
#[inline(always)]
pub fn follow(ctx: &TcContext, packet: &mut Packet) -> Result<bool, DropReason> {
    // SAFETY: the context is valid while the program runs.
    let ifindex = unsafe { (*ctx.skb.skb).ingress_ifindex };
    if ifindex == 0 {
        return Ok(false);
    }
    let key = sender_key(packet, ifindex);
    // SAFETY: all of it is written.
    let Some((flow, _)) = table::find(unsafe { key.0.assume_init_ref() }, packet.tcp_flags) else {
        return Ok(false);
    };
    // SAFETY: map memory, read once.
    let judgement = Judgement(unsafe { (&raw const (*flow).judgement).read_volatile() });
    let epoch = judgement.epoch();
    if epoch == packet.epoch {
        return match judgement.verdict() {
            Verdict::Allow => Ok(false),
            // What its own hook sends on a rejected flow is the answer to the other end.
            Verdict::Reject if packet.tcp_flags & RST != 0 => Ok(false),
            Verdict::Deny | Verdict::Reject => Err(DropReason::PolicyChanged),
        };
    }
    if epoch.wrapping_add(1) != packet.epoch && epoch != packet.epoch.wrapping_add(1) {
        return Err(DropReason::PolicyChanged);
    }
    packet.epoch = epoch;
    packet.side = packet.side().other() as u32;
    Ok(true)
}

/// The flow as the sender's hook saw it: every byte of the key is written.
#[inline(always)]
fn sender_key(packet: &Packet, ifindex: u32) -> Aligned<FlowKey> {
    let mut key = Aligned(MaybeUninit::<FlowKey>::uninit());
    let fields = key.0.as_mut_ptr();
    // SAFETY: inside the key, whose addresses are aligned: asserted here and in `packet`.
    unsafe {
        (&raw mut (*fields).ifindex).write(ifindex);
        (&raw mut (*fields).local_port).write(packet.source_port);
        (&raw mut (*fields).remote_port).write(packet.destination_port);
        bytes::copy(&raw mut (*fields).local, &raw const packet.source);
        bytes::copy(&raw mut (*fields).remote, &raw const packet.destination);
        (&raw mut (*fields).protocol).write(packet.key.protocol);
        (&raw mut (*fields).reserved).write([0; 3]);
    }
    key
}

const _: () = assert!(offset_of!(FlowKey, local) % 8 == 0 && offset_of!(FlowKey, remote) % 8 == 0);
