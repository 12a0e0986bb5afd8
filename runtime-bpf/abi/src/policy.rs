//! What generated policy programs read and write.
//!
//! The fixed datapath fills a [`PolicyInput`] in the per-CPU array map [`INPUT_MAP`] and tail
//! calls the program. The program writes [`PolicyInput::verdict`] and [`PolicyInput::decider`]
//! and tail calls [`CONTINUATION_JUDGED`] in [`CONTINUATIONS_MAP`]. If that fails it returns
//! [`RETURN_ON_FAILURE`].

use crate::Plain;

/// Words of a peer's signature: 64 selectors each.
pub const SIGNATURE_WORDS: usize = 16;

/// A peer's signature: bit `i` of word `w` is set when the peer satisfies the selector that the
/// node keeps at bit `i` of word `w`.
pub type Signature = [u64; SIGNATURE_WORDS];

/// What a policy program reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PolicyInput {
    /// In: an [`L4Key`](crate::key::L4Key).
    pub l4: u32,
    /// Out: a [`Verdict`](crate::verdict::Verdict). The datapath sets it to zero before the call.
    pub verdict: u32,
    /// Out: a [`DeciderId`](crate::verdict::DeciderId).
    pub decider: u32,
    /// Zero.
    pub reserved: u32,
    /// In: the peer's signature.
    pub signature: Signature,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for PolicyInput {}

/// Offsets of the fields, for the code generator.
pub mod offset {
    use super::PolicyInput;
    use core::mem::offset_of;

    /// Of [`PolicyInput::l4`].
    pub const L4: usize = offset_of!(PolicyInput, l4);
    /// Of [`PolicyInput::verdict`].
    pub const VERDICT: usize = offset_of!(PolicyInput, verdict);
    /// Of [`PolicyInput::decider`].
    pub const DECIDER: usize = offset_of!(PolicyInput, decider);
    /// Of [`PolicyInput::signature`].
    pub const SIGNATURE: usize = offset_of!(PolicyInput, signature);
}

/// The per-CPU array with one [`PolicyInput`].
pub const INPUT_MAP: &str = "policy_input";
/// The program array with the datapath's continuations.
pub const CONTINUATIONS_MAP: &str = "continuations";
/// The continuation that policy programs call: the packet has been judged.
pub const CONTINUATION_JUDGED: u32 = 0;
/// The continuation that the datapath calls for what was rejected: drops the packet and answers.
pub const CONTINUATION_REJECT: u32 = 1;
/// Number of continuations.
pub const CONTINUATIONS: u32 = 4;
/// `TC_ACT_SHOT`: what a policy program returns when it cannot continue.
pub const RETURN_ON_FAILURE: i32 = 2;

/// `TC_ACT_UNSPEC`, `TCX_NEXT`: what the datapath returns for packets that may pass. Programs of
/// others behind ours still run, and may still drop; with none behind, the packet goes on.
pub const RETURN_PASS: i32 = -1;

/// Upper half of `skb->mark` when a policy program ran to its end without a packet of the
/// datapath's, as under `BPF_PROG_TEST_RUN`. The lower half holds the verdict that it wrote. The
/// packet is dropped all the same.
pub const TEST_RUN_MARK: u32 = 0x706f_0000;

/// Program slots of one side; see [`State`](crate::node::State).
pub const SLOTS_PER_SIDE: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        crate::assert_layout!(PolicyInput, 144, [u32, u32, u32, u32, Signature]);
        assert_eq!((offset::L4, offset::VERDICT, offset::DECIDER), (0, 4, 8));
        assert_eq!(offset::SIGNATURE, 16);
    }
}
