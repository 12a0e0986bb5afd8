//! From an endpoint to another machine, past the node's stack, by the node's routes. Only where that is
//! asked for.

use aya_ebpf::{
    bindings::{TC_ACT_REDIRECT, bpf_redir_neigh},
    helpers::generated::{bpf_fib_lookup, bpf_redirect_neigh},
    macros::classifier,
    programs::TcContext,
};
use polc_abi::{
    key::Address,
    link::OUTSIDE,
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    verdict::DropReason,
};

use super::{enter::Head, receiver};
use crate::{endpoint, packet::Packet, refuse};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Results of `bpf_fib_lookup`: routed to a neighbour that is known, or that will be asked for.
const SUCCESS: i64 = 0;
const NO_NEIGHBOUR: i64 = 7;

/// The kernel's `struct bpf_fib_lookup`: a question about a packet, and in the same place the answer.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Route {
    family: u8,
    protocol: u8,
    source_port: u16,
    destination_port: u16,
    /// Bytes from L3 on.
    length: u16,
    /// In: where the packet came in. Out: where it goes out.
    ifindex: u32,
    class: u32,
    source: [u32; 4],
    /// In: the packet's destination. Out: the next hop.
    next: [u32; 4],
    vlan: u32,
    macs: [[u8; 6]; 2],
}

const _: () = assert!(size_of::<Route>() == 64);

/// The continuation for what its endpoint's policy lets go to another machine.
#[classifier]
pub fn leave(ctx: TcContext) -> i32 {
    let Some(packet) = Packet::at_hand() else {
        return RETURN_ON_FAILURE;
    };
    // Only `go_on` calls this program.
    if packet.past_stack != OUTSIDE {
        return RETURN_ON_FAILURE;
    }
    let Some((head, route)) = route(&ctx, packet) else {
        return RETURN_PASS;
    };
    if head.hop(&ctx).is_none() {
        return refuse::packet(&ctx, packet, DropReason::Undeliverable);
    }
    let mut next = bpf_redir_neigh {
        nh_family: u32::from(route.family),
        // All of the union: an IPv4 address is its first word.
        __bindgen_anon_1: aya_ebpf::bindings::bpf_redir_neigh__bindgen_ty_1 {
            ipv6_nh: route.next,
        },
    };
    // SAFETY: only asks the kernel to do it once the program has returned; it copies the next hop.
    let result = unsafe {
        bpf_redirect_neigh(
            route.ifindex,
            &raw mut next,
            size_of::<bpf_redir_neigh>() as i32,
            0,
        )
    };
    if result == i64::from(TC_ACT_REDIRECT) {
        return TC_ACT_REDIRECT as i32;
    }
    refuse::packet(&ctx, packet, DropReason::Undeliverable)
}

/// Where the node would route the packet. `None` for what its stack must do something about, as
/// [`receiver`] has it, what has no route or is too large for it, and what leads to an endpoint:
/// whoever has such an address is judged by its own hook.
#[inline(always)]
fn route(ctx: &TcContext, packet: &Packet) -> Option<(Head, Route)> {
    let head = receiver::to_be_routed(ctx)?;
    let length = receiver::largest(ctx, packet)?;
    let mut route = Route {
        protocol: packet.key.protocol,
        source_port: packet.source_port.to_be(),
        destination_port: packet.destination_port.to_be(),
        length: u16::try_from(length).ok()?,
        ifindex: packet.key.ifindex,
        class: head.class(),
        ..Route::default()
    };
    let (source, destination) = (words(&packet.source), words(&packet.destination));
    if head.is_ipv4() {
        route.family = AF_INET;
        route.source[0] = source[3];
        route.next[0] = destination[3];
    } else {
        route.family = AF_INET6;
        route.source = source;
        route.next = destination;
    }
    // SAFETY: the kernel's own type, by another name.
    let found = unsafe {
        bpf_fib_lookup(
            ctx.skb.skb.cast(),
            (&raw mut route).cast(),
            size_of::<Route>() as i32,
            0,
        )
    };
    let is_routed = found == SUCCESS || found == NO_NEIGHBOUR;
    let leads_elsewhere = endpoint::find(packet.side(), &route.ifindex).is_none();
    (is_routed && leads_elsewhere).then_some((head, route))
}

/// An address in the packet memory, as the kernel's words.
#[inline(always)]
fn words(address: &Address) -> [u32; 4] {
    let words = address.as_ptr().cast::<u32>();
    // SAFETY: addresses lie in the packet memory, aligned to eight bytes.
    unsafe {
        [
            words.read(),
            words.add(1).read(),
            words.add(2).read(),
            words.add(3).read(),
        ]
    }
}
