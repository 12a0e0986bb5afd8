//! Assertions.

use polc_model::{Claim, L4Match, Origin, Selector};
use polc_syntax::ast;

use super::{Scope, l4, rule};
use crate::{origin::Lines, sink::Sink};

/// An assertion that names its peers in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredAssertion {
    pub(crate) claim: Claim,
    pub(crate) sources: Selector,
    pub(crate) destinations: Selector,
    pub(crate) l4: L4Match,
    pub(crate) origin: Origin,
}

/// Lowers an assertion. `None` when a part was not understood: half a claim is another one.
pub(crate) fn lower(
    assertion: &ast::Assertion,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> Option<LoweredAssertion> {
    if let Some(sources) = &assertion.sources {
        rule::egress_only(sources, scope, sink);
    }
    let mut peers = |expr: &Option<ast::PeerExpr>| {
        expr.as_ref()
            .map(|expr| rule::selector(expr, scope, lines, sink))
    };
    let sources = peers(&assertion.sources);
    let destinations = peers(&assertion.destinations);
    let l4 = match &assertion.l4 {
        Some(l4) => l4::lower(l4, scope, sink),
        None => Some(L4Match::Any),
    };
    Some(LoweredAssertion {
        claim: match assertion.claim? {
            ast::Claim::Can => Claim::Can,
            ast::Claim::Cannot => Claim::Cannot,
            ast::Claim::Only => Claim::Only,
        },
        sources: sources?,
        destinations: destinations?,
        l4: l4?,
        origin: lines.origin(assertion.span),
    })
}
