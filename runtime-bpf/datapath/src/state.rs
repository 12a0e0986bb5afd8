//! The state word: which side is in force.

use polc_abi::node::State;

use crate::maps::STATE;

/// Reads the word once. Zero, "nothing applied yet", where there is none.
#[inline(always)]
pub fn read() -> State {
    // SAFETY: one aligned word, which the agent stores whole.
    STATE
        .get_ptr(0)
        .map_or(State(0), |word| State(unsafe { word.read_volatile() }))
}
