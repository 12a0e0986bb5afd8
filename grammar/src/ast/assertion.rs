//! Assertions.

use super::{L4Expr, PeerExpr};
use crate::Span;

/// `assert world cannot reach endpoints { tier: data } on redis`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// What it claims. `None`: left out.
    pub claim: Option<Claim>,
    /// Who starts the flows.
    pub sources: Option<PeerExpr>,
    /// Who they are started to.
    pub destinations: Option<PeerExpr>,
    /// Which flows, above L3; all of them when left out.
    pub l4: Option<L4Expr>,
    /// The whole item.
    pub span: Span,
}

/// What an assertion claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `A can reach B`
    Can,
    /// `A cannot reach B`
    Cannot,
    /// `only A can reach B`
    Only,
}
