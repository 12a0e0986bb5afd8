//! What generated policy programs read and write.
//!
//! The fixed datapath fills a [`PolicyInput`] in the per-CPU array map [`INPUT_MAP`] and tail
//! calls the program. Where its rules name ports, the program looks up the receiver's names for the
//! port at hand in [`PORT_NAMES_MAP`]. It writes [`PolicyInput::verdict`] and [`PolicyInput::decider`]
//! and tail calls [`CONTINUATION_JUDGED`] in [`CONTINUATIONS_MAP`]. If that fails it returns
//! [`RETURN_ON_FAILURE`].

use crate::Plain;

/// The most bytes of a peer's signature: 8 selectors each.
///
/// Bit `i` of byte `b` is set when the peer satisfies the selector that the node keeps there. A node
/// keeps only what its programs read, in an array map of its own for each side; a
/// [`Peer`](crate::node::Peer) names its row.
///
/// What a program tests together it keeps together, in bytes of its own: 4,096 selectors have room
/// also where each is alone.
pub const MAX_SIGNATURE_BYTES: usize = 4096;

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
    /// Out: the [`DeciderId`](crate::verdict::DeciderId) that would have denied an allowed packet,
    /// were the audited policies enforced; else zero, to which the datapath sets it before the
    /// call.
    pub audit: u32,
    /// In: the peer's row in the signatures.
    pub row: u32,
    /// The program's own.
    pub scratch: u32,
    /// The program's own: the names that it found.
    pub names: u64,
    /// In: whoever receives what starts the flow, see [`Side::receiver`](crate::node::Side::receiver):
    /// the endpoint itself for ingress, the peer for egress.
    pub receiver: u32,
    /// Zero.
    pub reserved: u32,
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
    /// Of [`PolicyInput::audit`].
    pub const AUDIT: usize = offset_of!(PolicyInput, audit);
    /// Of [`PolicyInput::row`].
    pub const ROW: usize = offset_of!(PolicyInput, row);
    /// Of [`PolicyInput::scratch`].
    pub const SCRATCH: usize = offset_of!(PolicyInput, scratch);
    /// Of [`PolicyInput::names`].
    pub const NAMES: usize = offset_of!(PolicyInput, names);
    /// Of [`PolicyInput::receiver`].
    pub const RECEIVER: usize = offset_of!(PolicyInput, receiver);
}

/// The most names of ports that the programs of a node may ask for, each with its protocol: the bits
/// of a value of [`PORT_NAMES_MAP`].
pub const MAX_PORT_NAMES: usize = 64;

/// Key of [`PORT_NAMES_MAP`]: a port of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct PortNamesKey {
    /// As [`PolicyInput::receiver`].
    pub receiver: u32,
    /// The [`L4Key`](crate::key::L4Key) of the protocol and the port.
    pub l4: u32,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for PortNamesKey {}

/// The per-CPU array with one [`PolicyInput`].
pub const INPUT_MAP: &str = "policy_input";
/// The array with the signatures, one row for each value, of both sides. The agent makes one of the
/// needed size, and another when it no longer fits.
pub const SIGNATURES_MAP: &str = "signatures";
/// The hash with the named ports of both sides: [`PortNamesKey`] to the names that the receiver has for
/// the port, by the bits that the agent gave the names. What is not in it has none. Made
/// with the signatures.
pub const PORT_NAMES_MAP: &str = "port_names";
/// The program array with the datapath's continuations.
pub const CONTINUATIONS_MAP: &str = "continuations";
/// The continuation that policy programs call: the packet has been judged.
pub const CONTINUATION_JUDGED: u32 = 0;
/// The continuation that the datapath calls for what was rejected: drops the packet and answers.
pub const CONTINUATION_REJECT: u32 = 1;
/// The continuation for what may leave its endpoint and is for another one of this node: asks the
/// other one's policy, and delivers past the node's stack.
pub const CONTINUATION_DELIVER: u32 = 2;
/// The continuation for what an endpoint's policy lets pass to or from its node, where policies apply
/// to that: asks those.
pub const CONTINUATION_NODE: u32 = 3;
/// The continuation for what may leave its endpoint, and the node, past the node's stack.
pub const CONTINUATION_LEAVE: u32 = 4;
/// The continuation for what has come from an uplink, and may enter its endpoint past the node's stack.
pub const CONTINUATION_ARRIVE: u32 = 5;
/// Number of continuations.
pub const CONTINUATIONS: u32 = 8;
/// `TC_ACT_SHOT`: what a policy program returns when it cannot continue.
pub const RETURN_ON_FAILURE: i32 = 2;

/// `TC_ACT_UNSPEC`, `TCX_NEXT`: what the datapath returns for packets that may pass. Programs of
/// others behind ours still run, and may still drop; with none behind, the packet goes on.
pub const RETURN_PASS: i32 = -1;

/// Upper half of `skb->mark` when a policy program ran to its end without a packet of the
/// datapath's, as under `BPF_PROG_TEST_RUN`. The lower half holds the verdict that it wrote. The
/// packet is dropped all the same.
pub const TEST_RUN_MARK: u32 = 0x706f_0000;

/// Programs that a node's policies may have. The program array has room for two policies: the one in
/// force and the one that follows it, which share the programs that are the same.
pub const MAX_PROGRAMS: u32 = 4096;
/// Slots of the program array.
pub const PROGRAM_SLOTS: u32 = 2 * MAX_PROGRAMS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        crate::assert_layout!(
            PolicyInput,
            40,
            [u32, u32, u32, u32, u32, u32, u64, u32, u32]
        );
        crate::assert_layout!(PortNamesKey, 8, [u32, u32]);
        assert_eq!((offset::L4, offset::VERDICT, offset::DECIDER), (0, 4, 8));
        assert_eq!((offset::AUDIT, offset::ROW, offset::SCRATCH), (12, 16, 20));
        assert_eq!((offset::NAMES, offset::RECEIVER), (24, 32));
    }
}
