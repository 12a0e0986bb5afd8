//! Packets from one endpoint of the node to another pass two hooks, and the policy may change in
//! between. Both must judge by the same one.

use aya_ebpf::programs::TcContext;
use polc_abi::{
    flow::{FlowKey, Judgement},
    verdict::{DropReason, Verdict},
};

use crate::{flow::RST, maps::FLOWS, packet::Packet};

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
    let key = FlowKey {
        ifindex,
        local_port: packet.source_port,
        remote_port: packet.destination_port,
        local: packet.source,
        remote: packet.destination,
        protocol: packet.key.protocol,
        reserved: [0; 3],
    };
    let Some(flow) = FLOWS.get_ptr(&key) else {
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
