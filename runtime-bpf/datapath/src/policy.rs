//! Asking policy: the built-in answers, then the endpoint's generated program.

use aya_ebpf::programs::TcContext;
use polc_abi::{
    flow::Direction,
    node::{Endpoint, NODE, peer_flag},
    policy::{CONTINUATION_JUDGED, PolicyInput},
    verdict::{DeciderId, DropReason, Verdict},
};

use crate::{
    endpoint, maps,
    packet::{ARMED, Packet},
    peer,
};

/// Asks the endpoint's policy about the packet's peer and [`Packet::asked_l4`]. Does not return
/// when that worked: the answer arrives in [`judged`](crate::judged).
#[inline(always)]
pub fn ask(
    ctx: &TcContext,
    packet: &mut Packet,
    endpoint: &Endpoint,
    direction: Direction,
) -> DropReason {
    let Some(input) = maps::INPUT.get_ptr_mut(0) else {
        return DropReason::MissingProgram;
    };
    // SAFETY: one element for each CPU, and no packet interrupts another on a CPU.
    let input = unsafe { &mut *input };
    let side = packet.side();

    packet.armed = ARMED;
    if endpoint::has(endpoint, &packet.key.remote) {
        return answer(ctx, input, DeciderId::ITSELF);
    }
    let Some(peer) = peer::find(side, &packet.key.remote) else {
        return DropReason::UnknownPeer;
    };
    const OWN_NODE: u32 = peer_flag::HOST | peer_flag::HOST_ACCESS;
    if matches!(direction, Direction::Ingress) && peer.flags & OWN_NODE == OWN_NODE {
        return answer(ctx, input, DeciderId::OWN_NODE);
    }
    if peer.ifindex == NODE || endpoint.link.is_direct() {
        packet.past_stack = peer.ifindex;
    }
    input.l4 = packet.asked_l4;
    input.verdict = 0;
    input.decider = 0;
    input.audit = 0;
    input.row = peer.row;
    let (slot, receiver) = match direction {
        Direction::Ingress => (endpoint.ingress_slot, endpoint.id),
        Direction::Egress => (endpoint.egress_slot, peer.id),
    };
    input.receiver = side.receiver(receiver);
    // SAFETY: nothing here needs dropping.
    unsafe { maps::POLICIES.tail_call(ctx, slot) };
    DropReason::MissingProgram
}

/// Answers in the policy's place: allowed.
#[inline(always)]
fn answer(ctx: &TcContext, input: &mut PolicyInput, decider: DeciderId) -> DropReason {
    input.verdict = Verdict::Allow as u32;
    input.decider = decider.0;
    input.audit = 0;
    // SAFETY: nothing here needs dropping.
    unsafe { maps::CONTINUATIONS_ARRAY.tail_call(ctx, CONTINUATION_JUDGED) };
    DropReason::MissingProgram
}
