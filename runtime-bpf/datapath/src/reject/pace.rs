//! How many answers a CPU sends. Who is told "no" too often is told nothing, and denied all the
//! same: whatever somebody makes the node send to a forged source is little.

use aya_ebpf::{macros::map, maps::PerCpuArray};

/// One for each millisecond, as the kernel limits its own errors.
const INTERVAL_NS: u64 = 1_000_000;
/// What may come at once.
const BURST: u64 = 256;

/// Private to this program and not pinned: when the next answer of this CPU would be due if they
/// came one each interval.
#[map(name = "answers")]
static ANSWERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Whether one more answer may be sent now. Counts it.
#[inline(always)]
pub fn admits(now_ns: u64) -> bool {
    let Some(due) = ANSWERS.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: map memory of this CPU, and no packet interrupts another on a CPU.
    let due = unsafe { &mut *due };
    if *due > now_ns.saturating_add(BURST * INTERVAL_NS) {
        return false;
    }
    *due = (*due).max(now_ns) + INTERVAL_NS;
    true
}
