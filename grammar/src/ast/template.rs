//! Templates and their applications.

use super::{HttpExpr, Item, L4Expr, Name, PeerExpr};
use crate::Span;

/// `template microservice(app: string, callers: endpoints) { … }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The name.
    pub name: Name,
    /// What it is applied to, in order.
    pub parameters: Vec<Parameter>,
    /// What it stands for.
    pub items: Vec<Item>,
    /// Its doc comment.
    pub doc: Option<String>,
    /// The whole item.
    pub span: Span,
}

/// `app: string`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type, not yet checked to be one. Empty when left out.
    pub of: Name,
}

/// `apply microservice("search", web)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apply {
    /// The template.
    pub name: Name,
    /// What it is applied to, in order.
    pub arguments: Vec<Argument>,
    /// The whole item.
    pub span: Span,
}

/// One argument. What a lone name or text stands for depends on the parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// What is given.
    pub value: ArgumentValue,
    /// Where.
    pub span: Span,
}

/// What is given for a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentValue {
    /// Peers, a lone name, or a lone text.
    Peers(PeerExpr),
    /// Ports that begin with a protocol.
    Ports(L4Expr),
    /// Requests in braces.
    Http(HttpExpr),
    /// A number.
    Number(Name),
    /// An error was reported.
    Missing,
}
