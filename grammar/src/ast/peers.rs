//! Peer expressions.

use super::Name;
use crate::Span;

/// A set of peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerExpr {
    /// `{ app: "web" }`
    Labels(LabelSet),
    /// `10.0.0.0/8`, not yet checked to be one.
    Address(Name),
    /// `"api.github.com"`, not yet checked to be a DNS name.
    Dns(Name),
    /// `namespace { team: "payments" }`
    NamespaceLabels(LabelSet),
    /// `nodes { zone: "a" }`
    NodeLabels(LabelSet),
    /// A name, an entity, or a path such as `dns::cluster`.
    Name(Name),
    /// `… in namespace "shop"`
    In {
        /// What is narrowed.
        base: Box<PeerExpr>,
        /// The namespaces; more than one only when the suffix is repeated.
        namespaces: Vec<NamespaceExpr>,
        /// The whole expression.
        span: Span,
    },
    /// `a | b | c`
    Union {
        /// The alternatives, at least two.
        parts: Vec<PeerExpr>,
        /// The whole expression.
        span: Span,
    },
    /// `a & b - c`, from left to right.
    Chain {
        /// The first set.
        first: Box<PeerExpr>,
        /// What is done to it, in order.
        rest: Vec<(ChainOperator, PeerExpr)>,
        /// The whole expression.
        span: Span,
    },
    /// The source leaves it out, or it is not supported; an error was reported.
    Missing(Span),
}

/// Which namespaces a set is narrowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceExpr {
    /// `in namespace "shop"`
    Name(Name),
    /// `in namespace { team: "payments" }`
    Labels(LabelSet),
}

/// The operators that bind more tightly than `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOperator {
    /// `&`
    And,
    /// `-`
    Minus,
}

impl PeerExpr {
    /// Calls `visit` with every part that is not made of others.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        match self {
            Self::In { base, .. } => base.visit(visit),
            Self::Union { parts, .. } => {
                for part in parts {
                    part.visit(visit);
                }
            }
            Self::Chain { first, rest, .. } => {
                first.visit(visit);
                for (_, part) in rest {
                    part.visit(visit);
                }
            }
            leaf => visit(leaf),
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn span(&self) -> Span {
        match self {
            Self::Labels(set) | Self::NamespaceLabels(set) | Self::NodeLabels(set) => set.span,
            Self::Address(name) | Self::Dns(name) | Self::Name(name) => name.span,
            Self::In { span, .. }
            | Self::Union { span, .. }
            | Self::Chain { span, .. }
            | Self::Missing(span) => *span,
        }
    }
}

/// Conditions on labels that must all hold. None: every endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSet {
    /// The conditions, in source order.
    pub conditions: Vec<Condition>,
    /// The whole set.
    pub span: Span,
}

/// A condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The key.
    pub key: Name,
    /// What must hold of its value.
    pub test: LabelTest,
    /// The whole condition.
    pub span: Span,
}

/// What must hold of a label's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelTest {
    /// `app: "web"`
    Is(Name),
    /// `app != "web"`
    IsNot(Name),
    /// `app in ["web", "cart"]`
    In(Vec<Name>),
    /// `app not in ["web", "cart"]`
    NotIn(Vec<Name>),
    /// `app`
    Exists,
    /// `!app`
    Absent,
    /// The source leaves the value out; an error was reported.
    Missing,
}

impl LabelTest {
    /// The values that it names.
    #[must_use]
    pub fn values(&self) -> &[Name] {
        match self {
            Self::Is(value) | Self::IsNot(value) => std::slice::from_ref(value),
            Self::In(values) | Self::NotIn(values) => values,
            Self::Exists | Self::Absent | Self::Missing => &[],
        }
    }
}
