//! Tests.

use super::{L4Term, LabelSet, Name};
use crate::Span;

/// `test "…" { … }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// What it says it shows.
    pub name: Name,
    /// Its endpoints, in source order.
    pub givens: Vec<Given>,
    /// Its expectations, in source order.
    pub checks: Vec<Check>,
}

/// `given web_1 = endpoint { app: "web" } in namespace "shop" at 10.0.0.7`, or `endpoint init`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its name in the test.
    pub name: Name,
    /// The word `init`, where its labels are not known yet.
    pub init: Option<Name>,
    /// Its labels.
    pub labels: LabelSet,
    /// Its namespace.
    pub namespace: Option<Name>,
    /// The labels of its namespace.
    pub namespace_labels: LabelSet,
    /// Its addresses.
    pub addresses: Vec<Name>,
    /// Its named ports: `port "http": tcp 8080`.
    pub ports: Vec<(Name, L4Term)>,
    /// The whole statement.
    pub span: Span,
}

/// `web_1 -> cart_1 tcp 8080 is allowed`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Who starts the flow.
    pub source: Party,
    /// Who it is started to. `None`: left out.
    pub destination: Option<Party>,
    /// What the first packet shows. `None`: left out.
    pub packet: Option<Packet>,
    /// What the flow shows above TCP.
    pub request: Option<CheckRequest>,
    /// What must happen. `None`: left out.
    pub outcome: Option<Outcome>,
    /// The policy that must have decided.
    pub by: Option<Name>,
    /// The whole statement.
    pub span: Span,
}

/// One end of a checked flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A `given` name or an entity.
    Name(Name),
    /// An address.
    Address(Name),
    /// A DNS name, for an address that it stands for.
    Dns(Name),
}

/// What a checked flow shows above L4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckRequest {
    /// `sni "api.github.com"`
    Sni {
        /// The server name.
        name: Name,
        /// The whole clause.
        span: Span,
    },
    /// `dns "api.github.com"`
    Dns {
        /// The name that is asked for.
        name: Name,
        /// The whole clause.
        span: Span,
    },
    /// `GET /api/cart/7 header "accept" = "text/html" host "cart"`
    Http {
        /// The method.
        method: Name,
        /// The path with its query. Empty when left out.
        path: Name,
        /// The host. More than one is an error of its own.
        hosts: Vec<Name>,
        /// Names and values of headers.
        headers: Vec<(Name, Name)>,
        /// The whole clause.
        span: Span,
    },
}

impl Party {
    /// Where it stands, and what it says.
    #[must_use]
    pub const fn name(&self) -> &Name {
        match self {
            Self::Name(name) | Self::Address(name) | Self::Dns(name) => name,
        }
    }
}

/// What a packet shows above L3: a term that names one value.
pub type Packet = L4Term;

/// What a check expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `is allowed`
    Allowed,
    /// `is denied`
    Denied,
}
