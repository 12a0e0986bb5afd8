//! Subjects: the endpoints that a policy applies to, and the node where it is named.
//!
//! Which policies an endpoint has is decided when it appears, by its labels and namespace. What
//! would need more than that is refused, so that no policy is taken to protect what it does not.

use polc_diagnostics::Code;
use polc_model::{Entity, Selector, SelectorExpr};
use polc_syntax::{Span, ast};

use super::{
    Scope,
    peers::{bounded, nothing},
};
use crate::{origin::Lines, sink::Sink, types::PeersType};

pub(super) fn lower(
    policy: &ast::Policy,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> Selector {
    let Some(expr) = &policy.subject else {
        return nothing();
    };
    let typed = bounded(expr, scope, sink);
    if let Some(why) = never_applies(&typed.expr, typed.of) {
        sink.report(
            Code::SubjectNeverApplies,
            format!("the policy `{}` applies to no endpoint", policy.name.text),
            expr.span(),
            why,
            |_, diagnostic| {
                diagnostic.with_help(
                    "after `for` stand the endpoints; whom they may talk to is up to the rules",
                )
            },
        );
    } else if !typed.is_broken() {
        refuse(&typed.expr, expr.span(), sink);
    }
    let mut asks_for_address = false;
    typed
        .expr
        .visit_leaves(&mut |leaf| asks_for_address |= leaf.is_of_addresses());
    if asks_for_address {
        // Reported above. No Model may hold such a subject.
        return nothing();
    }
    Selector {
        expr: typed.expr,
        text: lines.source(expr.span()),
    }
}

fn never_applies(expr: &SelectorExpr, of: PeersType) -> Option<&'static str> {
    match (expr, of) {
        (_, PeersType::Unknown) => None,
        (_, PeersType::Addresses) => Some("addresses are peers of rules, not endpoints"),
        (_, PeersType::Names) => Some("DNS names are peers of rules, not endpoints"),
        (SelectorExpr::Entity(Entity::World), _) => Some("`world` is what is not an endpoint"),
        (SelectorExpr::Entity(Entity::RemoteNode), _) => Some("other nodes are not endpoints"),
        (SelectorExpr::Entity(Entity::Health | Entity::Ingress | Entity::Unmanaged), _) => {
            Some("polc does not manage these")
        }
        (SelectorExpr::Entity(Entity::None), _) => Some("`none` contains nothing"),
        _ => None,
    }
}

/// Reports what a subject may one day say.
fn refuse(expr: &SelectorExpr, span: Span, sink: &mut Sink) {
    let mut by_address = false;
    expr.visit_leaves(&mut |leaf| by_address |= leaf.is_of_addresses());
    if by_address {
        sink.report(
            Code::Unsupported,
            "choosing a policy's endpoints by address is not supported yet",
            span,
            "depends on addresses",
            |_, diagnostic| diagnostic.with_help("choose them by labels and namespace"),
        );
    }
}
