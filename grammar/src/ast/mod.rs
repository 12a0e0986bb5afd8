//! The syntax tree: what was written, before any name is resolved.

mod assertion;
mod attribute;
mod http;
mod l4;
mod peers;
mod places;
mod policy;
mod service;
mod template;
mod test;

pub use assertion::{Assertion, Claim};
pub use attribute::{Attribute, LintSetting};
pub use http::{HttpCondition, HttpExpr, HttpField, HttpTerm, HttpTest, L7Expr, Request};
pub use l4::{L4Expr, L4Term, Ports};
pub use peers::{ChainOperator, Condition, LabelSet, LabelTest, NamespaceExpr, PeerExpr};
pub use policy::{Action, Completeness, Direction, DirectionBlock, Policy, Preposition, Rule};
pub use service::{Affinity, External, Service, ServicePort};
pub use template::{Apply, Argument, ArgumentValue, Parameter, Template};
pub use test::{Check, CheckRequest, Given, Outcome, Packet, Party, Test};

use crate::Span;

/// A word or a text of the source, with its place. For quoted text, `text` has no quotes and
/// `span` covers them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// What it says. Empty when the source leaves it out.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Name {
    /// Whether the source leaves it out; a syntax error was reported.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether the source writes it in quotes. Only for a name that stands as it was written.
    #[must_use]
    pub const fn is_quoted(&self) -> bool {
        self.span.end as usize - self.span.start as usize > self.text.len()
    }

    /// Whether it is a word: what names outside quotes are.
    #[must_use]
    pub fn is_word(&self) -> bool {
        let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
        self.text.starts_with(is_start) && self.text.chars().all(is_rest)
    }

    /// Whether a policy may have it in quotes: a word, or the name of a Kubernetes object with its
    /// namespace, as in `shop/web`, and with a number behind `#` where several policies come of one.
    #[must_use]
    pub fn is_policy_name(&self) -> bool {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || "_-./:#".contains(c);
        let is_edge = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let text = &self.text;
        text.starts_with(is_edge) && text.ends_with(is_edge) && text.chars().all(is_inside)
    }
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFileAst {
    /// Its items, in source order.
    pub items: Vec<Item>,
    /// The attributes of items and rules, in source order.
    pub attributes: Vec<Attribute>,
}

/// An item of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `package shop`
    Package(Name),
    /// `host_access restricted`
    HostAccess(Name),
    /// `labels { … }`
    Labels(LabelSchema),
    /// `endpoints web = …`
    Endpoints(Definition<PeerExpr>),
    /// `cidr office = …`
    Cidr(Definition<PeerExpr>),
    /// `dns github = …`
    Dns(Definition<PeerExpr>),
    /// `entity outside = …`
    Entity(Definition<PeerExpr>),
    /// `ports web_ports = …`
    Ports(Definition<L4Expr>),
    /// `http cart_api { … }`
    Http(Definition<HttpExpr>),
    /// `service cart_svc { … }`
    Service(Service),
    /// `policy web_ingress for web { … }`
    Policy(Policy),
    /// `lint unused_name = deny`
    Lint(LintSetting),
    /// `test "…" { … }`
    Test(Test),
    /// `assert world cannot reach data`
    Assertion(Assertion),
    /// `use std::dns`: the path, as it is written.
    Use(Name),
    /// `template microservice(app: string) { … }`
    Template(Template),
    /// `apply microservice("search")`
    Apply(Apply),
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition<T> {
    /// The name.
    pub name: Name,
    /// The value, unless the source leaves it out.
    pub value: Option<T>,
    /// Its doc comment.
    pub doc: Option<String>,
    /// The whole item.
    pub span: Span,
}

/// The labels that endpoints may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSchema {
    /// Its entries, in source order.
    pub labels: Vec<LabelDeclaration>,
    /// The word `labels`.
    pub span: Span,
}

/// `tier: frontend | backend`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelDeclaration {
    /// The key.
    pub key: Name,
    /// The values, or `string` for any.
    pub values: Vec<Name>,
}
