//! Rules.

use polc_diagnostics::Code;
use polc_model::{Action, Direction, L4Match, L7Match, Origin, Selector};
use polc_syntax::{
    Span,
    ast::{self, PeerExpr},
};

use super::{Scope, l4, l7, peers};
use crate::{
    origin::Lines,
    sink::Sink,
    types::{Kind, Value},
};

/// A rule that names its peers in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredRule {
    pub(crate) direction: Direction,
    pub(crate) action: Action,
    pub(crate) peer: Selector,
    pub(crate) l4: L4Match,
    pub(crate) l7: Option<L7Match>,
    pub(crate) origin: Origin,
}

pub(super) fn lower(
    rule: &ast::Rule,
    block: &ast::DirectionBlock,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> LoweredRule {
    check_preposition(rule, block, sink);
    if block.direction == ast::Direction::Ingress
        && let Some(peers) = &rule.peers
    {
        egress_only(peers, scope, sink);
    }
    let direction = match block.direction {
        ast::Direction::Ingress => Direction::Ingress,
        ast::Direction::Egress => Direction::Egress,
    };
    let l4 = rule.l4.as_ref().map(|l4| l4::lower(l4, scope, sink));
    let l7 = rule
        .l7
        .as_ref()
        .map(|clause| l7::lower(clause, rule, l4.as_ref(), direction, scope, sink));
    let mut peer = rule
        .peers
        .as_ref()
        .map_or_else(peers::nothing, |expr| selector(expr, scope, lines, sink));
    let is_ingress = direction == Direction::Ingress;
    if matches!(l7, Some(None)) || (is_ingress && peer.expr.asks_for_names()) {
        // Reported. Without its requests or names, the rule would say more than it was to say.
        peer = peers::nothing();
    }
    LoweredRule {
        direction,
        action: match rule.action {
            ast::Action::Allow => Action::Allow,
            ast::Action::Deny => Action::Deny,
            ast::Action::Reject => Action::Reject,
            ast::Action::Pass => Action::Pass,
        },
        peer,
        l4: l4.flatten().unwrap_or(L4Match::Any),
        l7: l7.flatten(),
        origin: lines.origin(rule.span),
    }
}

/// Reports peers that nothing comes from: DNS names stand for the addresses that a lookup answers,
/// and services for where flows are sent.
pub(super) fn egress_only(peers: &PeerExpr, scope: &dyn Scope, sink: &mut Sink) {
    let mut found: Option<(Span, &'static str)> = None;
    peers.visit(&mut |part| {
        let what = match part {
            PeerExpr::Dns(_) => Some("DNS names"),
            PeerExpr::Name(name) => scope.definition(&name.text).and_then(|definition| {
                let asks_for_names = match &definition.value {
                    Some(Value::Peers(expr)) => expr.asks_for_names(),
                    _ => false,
                };
                match definition.kind {
                    Kind::Service => Some("services"),
                    _ if asks_for_names => Some("DNS names"),
                    _ => None,
                }
            }),
            _ => None,
        };
        if let (None, Some(what)) = (found, what) {
            found = Some((part.span(), what));
        }
    });
    if let Some((span, what)) = found {
        let (label, help) = match what {
            "services" => (
                "the backends of a service have no name as clients",
                "name the endpoints that the flows come from",
            ),
            _ => (
                "known by what lookups of the endpoint answer",
                "name the addresses that the flows come from",
            ),
        };
        sink.report(
            Code::EgressOnly,
            format!("{what} are peers of egress only"),
            span,
            label,
            |_, diagnostic| diagnostic.with_help(help),
        );
    }
}

fn check_preposition(rule: &ast::Rule, block: &ast::DirectionBlock, sink: &mut Sink) {
    let Some((preposition, span)) = rule.preposition else {
        return;
    };
    let (word, needed, what) = match (block.direction, preposition) {
        (ast::Direction::Ingress, ast::Preposition::To) => {
            ("to", "from", "ingress is what comes from a peer")
        }
        (ast::Direction::Egress, ast::Preposition::From) => {
            ("from", "to", "egress is what goes to a peer")
        }
        _ => return,
    };
    let block_word = match block.direction {
        ast::Direction::Ingress => "ingress",
        ast::Direction::Egress => "egress",
    };
    sink.report(
        Code::WrongDirection,
        format!("`{word}` in an `{block_word}` block"),
        span,
        format!("expected `{needed}`"),
        |sink, diagnostic| {
            diagnostic
                .with_label(sink.place(block.span), what)
                .with_help(format!(
                    "write `{needed}`, or move the rule to the other block"
                ))
                .with_fix(sink.place(span), needed)
        },
    );
}

/// The selector of an expression.
pub(super) fn selector(
    expr: &PeerExpr,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> Selector {
    Selector {
        expr: peers::bounded(expr, scope, sink).expr,
        text: lines.source(expr.span()),
    }
}
