//! tc egress of an endpoint's interface on the node: what is about to enter the endpoint.

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::event::Hook;

use crate::hook;

/// Judges ingress.
#[classifier]
pub fn to_endpoint(ctx: TcContext) -> i32 {
    hook::run(&ctx, Hook::ToEndpoint)
}
