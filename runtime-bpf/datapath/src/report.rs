//! Counting, and telling the agent.

use polc_abi::{
    event::{Counter, Event, VerdictCounterKey},
    map::EVENT_BYTES,
    verdict::{DeciderId, DropReason, Verdict},
};

use aya_ebpf::bindings::{BPF_NOEXIST, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};

use crate::{
    maps::{DROPS, EVENTS, LOST_EVENTS, VERDICTS},
    packet::Packet,
};

/// Counts a drop and tells the agent.
#[inline(always)]
pub fn drop(packet: &Packet, reason: DropReason) {
    if let Some(counter) = DROPS.get_ptr_mut(reason as u32) {
        add(counter, packet.bytes);
    }
    let verdict = match reason {
        DropReason::Policy if packet.verdict == Verdict::Reject as u32 => Verdict::Reject,
        _ => Verdict::Deny,
    };
    event(packet, verdict, reason as u8, NOBODY);
}

/// Tells the agent about a flow that may pass from now on, and about who would drop it, were the
/// audited policies enforced.
#[inline(always)]
pub fn allowed(packet: &Packet, audit: DeciderId) {
    event(packet, Verdict::Allow, 0, audit);
}

/// Nobody would.
pub const NOBODY: DeciderId = DeciderId(0);

/// Counts a verdict for its decider.
#[inline(always)]
pub fn verdict(packet: &Packet, decider: DeciderId) {
    let side = packet.side();
    let key = VerdictCounterKey::new(side, decider);
    if let Some(counter) = VERDICTS.get_ptr_mut(&key) {
        return add(counter, packet.bytes);
    }
    // A full table loses the count, never the packet.
    let _ = VERDICTS.insert(&key, &Counter::default(), u64::from(BPF_NOEXIST));
    if let Some(counter) = VERDICTS.get_ptr_mut(&key) {
        add(counter, packet.bytes);
    }
}

#[inline(always)]
fn add(counter: *mut Counter, bytes: u32) {
    // SAFETY: map memory of this CPU.
    unsafe {
        (*counter).packets += 1;
        (*counter).bytes += u64::from(bytes);
    }
}

#[inline(always)]
fn event(packet: &Packet, verdict: Verdict, reason: u8, audit: DeciderId) {
    let Some(mut entry) = EVENTS.reserve::<Event>(0) else {
        if let Some(lost) = LOST_EVENTS.get_ptr_mut(0) {
            // SAFETY: map memory of this CPU.
            unsafe { *lost += 1 };
        }
        return;
    };
    entry.write(Event {
        time_ns: packet.time_ns,
        epoch: packet.epoch,
        endpoint: packet.endpoint,
        ifindex: packet.key.ifindex,
        decider: packet.decider,
        audit: audit.0,
        reserved: 0,
        l4: packet.l4,
        bytes: packet.bytes,
        source: packet.source,
        destination: packet.destination,
        source_port: packet.source_port,
        destination_port: packet.destination_port,
        verdict: verdict as u8,
        reason,
        direction: packet.direction,
        hook: packet.hook,
    });
    // Its reader comes by itself; to wake it for each event would cost more than all of the packet.
    entry.submit(u64::from(
        match EVENTS.query(u64::from(BPF_RB_AVAIL_DATA)) {
            waiting if waiting > u64::from(EVENT_BYTES / 4) => BPF_RB_FORCE_WAKEUP,
            _ => BPF_RB_NO_WAKEUP,
        },
    ));
}

/// Adds to a counter that several CPUs share.
#[inline(always)]
pub fn add_shared(counter: *mut u64, amount: u64) {
    // SAFETY: an aligned word of map memory. `core` has no atomics for this target, but every
    // kernel has the instruction.
    unsafe {
        core::arch::asm!(
            "lock *(u64 *)({counter} + 0) += {amount}",
            counter = in(reg) counter,
            amount = in(reg) amount,
            options(nostack),
        );
    }
}
