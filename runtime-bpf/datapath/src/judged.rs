//! The continuation that policy programs call: a verdict has been given.

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::{
    policy::{RETURN_ON_FAILURE, TEST_RUN_MARK},
    verdict::{DeciderId, DropReason, Verdict},
};

use crate::{
    deliver, flow, maps,
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
    let audit = DeciderId(input.audit);
    // So that the next program's answer is never this one's, and a program that is tried without a
    // packet asks about a row that every side has.
    input.verdict = 0;
    input.row = 0;
    if packet.armed != ARMED {
        ctx.skb.set_mark(TEST_RUN_MARK | (verdict & 0xffff));
        return RETURN_ON_FAILURE;
    }
    packet.armed = 0;
    match conclude(packet, verdict, decider, audit) {
        Ok(()) => deliver::go_on(&ctx, packet),
        Err(reason) => refuse::packet(&ctx, packet, reason),
    }
}

#[inline(always)]
fn conclude(
    packet: &mut Packet,
    verdict: u32,
    decider: DeciderId,
    audit: DeciderId,
) -> Result<(), DropReason> {
    let verdict = Verdict::from_raw(verdict).ok_or(DropReason::NoVerdict)?;
    packet.verdict = verdict as u32;
    packet.decider = decider.0;
    report::verdict(packet, decider);
    let news = flow::judged(packet, verdict, decider)?;
    match verdict {
        Verdict::Deny | Verdict::Reject => Err(DropReason::Policy),
        Verdict::Allow => {
            let is_audited = audit != report::NOBODY;
            if is_audited {
                report::verdict(packet, audit);
            }
            if news || is_audited {
                report::allowed(packet, audit);
            }
            Ok(())
        }
    }
}
