//! What becomes of a packet that may not pass.

use aya_ebpf::programs::TcContext;
use polc_abi::{
    policy::{CONTINUATION_REJECT, RETURN_ON_FAILURE},
    verdict::{DropReason, Verdict},
};

use crate::{maps::CONTINUATIONS_ARRAY, packet::Packet, report};

/// Counts and reports the packet as dropped, then drops it; what policy rejects, the [`reject`]
/// program drops, and answers. If that program cannot be called, the packet is dropped all the
/// same.
///
/// [`reject`]: crate::reject
#[inline(always)]
pub fn packet(ctx: &TcContext, packet: &Packet, reason: DropReason) -> i32 {
    report::drop(packet, reason);
    if let DropReason::Policy = reason
        && packet.verdict == Verdict::Reject as u32
    {
        // SAFETY: nothing here needs dropping.
        unsafe { CONTINUATIONS_ARRAY.tail_call(ctx, CONTINUATION_REJECT) };
    }
    RETURN_ON_FAILURE
}
