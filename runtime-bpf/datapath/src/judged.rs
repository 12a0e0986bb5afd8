//! The continuation that policy programs call: a verdict has been given.

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::{
    policy::{RETURN_ON_FAILURE, RETURN_PASS, TEST_RUN_MARK},
    verdict::{DeciderId, DropReason, Verdict},
};

use crate::{
    flow, maps,
    packet::{ARMED, Packet},
    refuse, report,
};

/// Carries out what the policy program wrote into the input.
#[classifier]
pub fn judged(ctx: TcContext) -> i32 {
    let (Some(packet), Some(input)) = (Packet::at_hand(), maps::INPUT.get_ptr_mut(0)) else {
        return RETURN_ON_FAILURE;
    };
    // SAFETY: one element for each CPU, and no packet interrupts another on a CPU.
    let input = unsafe { &mut *input };
    let verdict = input.verdict;
    let decider = DeciderId(input.decider);
    // So that the next program's answer is never this one's.
    input.verdict = 0;
    if packet.armed != ARMED {
        ctx.skb.set_mark(TEST_RUN_MARK | (verdict & 0xffff));
        return RETURN_ON_FAILURE;
    }
    packet.armed = 0;
    match conclude(packet, verdict, decider) {
        Ok(()) => RETURN_PASS,
        Err(reason) => refuse::packet(&ctx, packet, reason),
    }
}

#[inline(always)]
fn conclude(packet: &mut Packet, verdict: u32, decider: DeciderId) -> Result<(), DropReason> {
    let verdict = Verdict::from_raw(verdict).ok_or(DropReason::NoVerdict)?;
    packet.verdict = verdict as u32;
    packet.decider = decider.0;
    report::verdict(packet, decider);
    let news = flow::judged(packet, verdict, decider)?;
    match verdict {
        Verdict::Deny | Verdict::Reject => Err(DropReason::Policy),
        Verdict::Allow => {
            if news {
                report::allowed(packet);
            }
            Ok(())
        }
    }
}
