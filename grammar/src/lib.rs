//! The Pol grammar, its parser and syntax tree.
//!
//! [`parse`] is total: every text has a tree and a list of syntax errors, so an editor has
//! something to work with while a file is half typed. How it is parsed is nobody's business but
//! this crate's: a PEG grammar (`grammar/pol.pest`) splits the text into statements, and the tree
//! builder turns those into the typed [`ast`], reporting at most one error for each statement.

pub mod ast;
mod build;
mod error;
mod span;

pub use error::{SyntaxError, SyntaxErrorKind};
pub use span::Span;

use ast::SourceFileAst;

/// The words that name kinds of peers. No item can have such a name.
pub const ENTITIES: [&str; 11] = [
    "all",
    "none",
    "world",
    "cluster",
    "host",
    "remote_node",
    "kube_apiserver",
    "health",
    "ingress",
    "unmanaged",
    "init",
];

/// The words that end an expression. No item can have such a name, because nothing could use it.
pub const RESERVED: [&str; 16] = [
    "on",
    "in",
    "is",
    "for",
    "from",
    "to",
    "only",
    "sni",
    "allow",
    "deny",
    "pass",
    "reject",
    "by",
    "at",
    "given",
    "endpoints",
];

/// The words that start a term of ports. No `ports` item can have such a name.
pub const PORT_WORDS: [&str; 7] = ["any", "tcp", "udp", "sctp", "icmp", "icmpv6", "protocol"];

/// What a text parses to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parse {
    /// Everything that could be understood.
    pub file: SourceFileAst,
    /// What could not, in order of place.
    pub errors: Vec<SyntaxError>,
}

/// Parses a file. Never fails.
#[must_use]
pub fn parse(text: &str) -> Parse {
    build::parse(text)
}
