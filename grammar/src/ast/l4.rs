//! Ports, ICMP types and protocols.

use super::Name;
use crate::Span;

/// A union of L4 terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L4Expr {
    /// The alternatives.
    pub terms: Vec<L4Term>,
    /// The whole expression.
    pub span: Span,
}

/// One alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum L4Term {
    /// `any`
    Any(Span),
    /// `tcp 80`
    Ports {
        /// `tcp`, `udp` or `sctp`.
        protocol: Name,
        /// The ports; every port when left out.
        ports: Option<Ports>,
        /// The whole term.
        span: Span,
    },
    /// `tcp "http"`
    NamedPort {
        /// `tcp`, `udp` or `sctp`.
        protocol: Name,
        /// The name of the port.
        name: Name,
        /// The whole term.
        span: Span,
    },
    /// `icmp 8/0`
    Icmp {
        /// `icmp` or `icmpv6`.
        family: Name,
        /// The type: a number or a name.
        kind: Option<Name>,
        /// The code.
        code: Option<Name>,
        /// The whole term.
        span: Span,
    },
    /// `protocol 47`
    Protocol {
        /// The number.
        number: Name,
        /// The whole term.
        span: Span,
    },
    /// The name of a `ports` item.
    Name(Name),
    /// An error was reported.
    Missing(Span),
}

/// Ports of a term: digits, not yet checked to be ports, or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The only or the first port.
    pub first: Name,
    /// The last port of a range.
    pub last: Option<Name>,
    /// The port or the range.
    pub span: Span,
}
