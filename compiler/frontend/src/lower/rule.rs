//! Rules.

use polc_diagnostics::Code;
use polc_model::{Action, Direction, L4Match, L7Match, Origin, Selector};
use polc_syntax::ast::{self, PeerExpr};

use super::{Scope, l4, peers};
use crate::{origin::Lines, sink::Sink};

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
    LoweredRule {
        direction: match block.direction {
            ast::Direction::Ingress => Direction::Ingress,
            ast::Direction::Egress => Direction::Egress,
        },
        action: match rule.action {
            ast::Action::Allow => Action::Allow,
            ast::Action::Deny => Action::Deny,
            ast::Action::Reject => Action::Reject,
            ast::Action::Pass => Action::Pass,
        },
        peer: rule
            .peers
            .as_ref()
            .map_or_else(peers::nothing, |expr| selector(expr, scope, lines, sink)),
        l4: rule
            .l4
            .as_ref()
            .and_then(|l4| l4::lower(l4, scope, sink))
            .unwrap_or(L4Match::Any),
        l7: None,
        origin: lines.origin(rule.span),
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

fn selector(expr: &PeerExpr, scope: &dyn Scope, lines: &Lines<'_>, sink: &mut Sink) -> Selector {
    Selector {
        expr: peers::bounded(expr, scope, sink).expr,
        text: lines.source(expr.span()),
    }
}
