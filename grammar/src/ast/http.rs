//! Requests: what rules match above L4.

use super::Name;
use crate::Span;

/// What a rule matches above L4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum L7Expr {
    /// `only cart_api`
    Only {
        /// The requests. `None`: left out.
        requests: Option<HttpExpr>,
        /// The whole clause.
        span: Span,
    },
    /// `sni "api.github.com"`
    Sni {
        /// The server names.
        names: Vec<Name>,
        /// The whole clause.
        span: Span,
    },
    /// `dns "api.github.com"`
    Dns {
        /// The names that may be asked for.
        names: Vec<Name>,
        /// The whole clause.
        span: Span,
    },
}

impl L7Expr {
    /// Where it stands.
    #[must_use]
    pub const fn span(&self) -> Span {
        match self {
            Self::Only { span, .. } | Self::Sni { span, .. } | Self::Dns { span, .. } => *span,
        }
    }
}

/// A union of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpExpr {
    /// The alternatives.
    pub terms: Vec<HttpTerm>,
    /// The whole expression.
    pub span: Span,
}

/// One alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpTerm {
    /// `{ GET /healthz; GET /metrics }`
    Requests(Vec<Request>, Span),
    /// The name of an `http` item.
    Name(Name),
    /// An error was reported.
    Missing(Span),
}

/// `GET /api/cart/{id: int} when header "accept"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, or `*`.
    pub method: Name,
    /// The path pattern, not yet checked to be one. `None`: left out.
    pub path: Option<Name>,
    /// Conditions that must all hold, in source order.
    pub conditions: Vec<HttpCondition>,
    /// The whole request.
    pub span: Span,
}

/// One condition on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCondition {
    /// What is looked at. `None`: left out.
    pub field: Option<HttpField>,
    /// What must hold of it; that it is there, when left out.
    pub test: Option<HttpTest>,
    /// The whole condition.
    pub span: Span,
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpField {
    /// `header "accept"`
    Header(Name),
    /// `query "page"`
    Query(Name),
    /// `host`
    Host,
    /// The name of a capture of the path.
    Capture(Name),
}

/// What must hold of a part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpTest {
    /// `= "application/json"`
    Equals(Name),
    /// `~ "v[0-9]+"`
    Matches(Name),
}
