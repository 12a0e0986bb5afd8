//! tc ingress of an endpoint's interface on the node: what the endpoint sends.

use aya_ebpf::{macros::classifier, programs::TcContext};
use polc_abi::{event::Hook, policy::RETURN_PASS};

use crate::{hook, reject};

/// Refuses sources that are not the endpoint's and judges egress.
#[classifier]
pub fn from_endpoint(ctx: TcContext) -> i32 {
    if reject::is_answer(&ctx) {
        return RETURN_PASS;
    }
    hook::run(&ctx, Hook::FromEndpoint)
}
