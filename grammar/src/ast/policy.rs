//! Policies and rules.

use super::{L4Expr, L7Expr, Name, PeerExpr};
use crate::Span;

/// `policy NAME for PEERS { … }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name.
    pub name: Name,
    /// What it applies to, unless the source leaves it out.
    pub subject: Option<PeerExpr>,
    /// Every `tier`; a second one is an error of its own.
    pub tiers: Vec<Name>,
    /// Every `priority`.
    pub priorities: Vec<Name>,
    /// Every `audit`.
    pub audits: Vec<Span>,
    /// Every `default allow`.
    pub default_allows: Vec<Span>,
    /// The `ingress` and `egress` blocks, in source order.
    pub blocks: Vec<DirectionBlock>,
    /// From `policy` to the end of the subject.
    pub head: Span,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Whether all of it was understood.
    pub completeness: Completeness,
}

/// Whether an item was understood as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It was.
    Whole,
    /// It has syntax errors: what seems to be missing may be in them.
    Broken,
}

/// `ingress { … }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectionBlock {
    /// Which direction.
    pub direction: Direction,
    /// The word.
    pub span: Span,
    /// Where it says `default allow`.
    pub default_allows: Vec<Span>,
    /// Its rules, in source order.
    pub rules: Vec<Rule>,
}

/// `allow from PEERS on PORTS`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it decides.
    pub action: Action,
    /// `from` or `to`, unless the source leaves it out.
    pub preposition: Option<(Preposition, Span)>,
    /// Whom it is about.
    pub peers: Option<PeerExpr>,
    /// What it is about above L3; everything when left out.
    pub l4: Option<L4Expr>,
    /// What it is about above that; every request when left out.
    pub l7: Option<L7Expr>,
    /// The whole rule.
    pub span: Span,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To the endpoint.
    Ingress,
    /// From the endpoint.
    Egress,
}

/// The word before a rule's peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preposition {
    /// For ingress.
    From,
    /// For egress.
    To,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Let through.
    Allow,
    /// Drop.
    Deny,
    /// Drop and say so.
    Reject,
    /// Leave it to the next tier.
    Pass,
}
