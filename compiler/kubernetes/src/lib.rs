//! Policies as Kubernetes objects, from YAML or JSON.
//!
//! ```text
//! text ──located──► documents with places ──object──► objects of kinds that are read
//!                                                          │
//!                          network_policy, admin, cilium: policies and rules, with places
//! ```
//!
//! - [`read`] is the interface, and [`definitions()`] what it needs of other files. It is total: a file that is not YAML still gives the policies of
//!   the documents before the mistake.
//! - What the API server would refuse is refused here, at the key or value. What it takes means here
//!   what it means there.
//! - [`located`], [`reader`] and [`report`] read other objects as well: see `polc-cluster`.
//! - Objects of other kinds are not looked into: see [`kinds`].

mod admin;
mod cilium;
mod definitions;
mod describe;
mod kinds;
mod labels;
mod levels;
pub mod located;
mod names;
mod network_policy;
mod object;
pub mod reader;
pub mod report;
#[cfg(test)]
mod tests;

pub use definitions::{Definitions, defines, definitions, refers};
pub use levels::{LintComment, lint_comments};

use std::{ops::Range, sync::Arc};

use polc_diagnostics::Diagnostic;
use polc_model::{Action, Direction, Isolation, L4Match, L7Match, Selector, Tier};

/// What is in a file.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Its policies, in the order of the text. Where one was not understood, what is left of it
    /// allows less than it was to allow.
    pub policies: Vec<Policy>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// How many objects of any kind it holds, those in lists counted each.
    pub objects: usize,
}

/// A policy. An object in which the order of rules counts is several of them, one after the other.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `namespace/name`, or the name alone where the kind has no namespaces. Several policies of one
    /// object have `#2`, `#3`, … behind it from the second on.
    pub name: String,
    /// The object's kind, such as `NetworkPolicy`.
    pub kind: &'static str,
    /// The tier of its rules.
    pub tier: Tier,
    /// Order inside the tier, lower first.
    pub priority: u32,
    /// The endpoints it applies to.
    pub subject: Selector,
    /// What it does to them for ingress, if it covers that.
    pub ingress: Option<Isolation>,
    /// What it does to them for egress, if it covers that.
    pub egress: Option<Isolation>,
    /// What it says about itself.
    pub doc: Option<String>,
    /// Where its name is, in bytes.
    pub span: Range<u32>,
    /// What it decides, in the order of the text.
    pub rules: Vec<Rule>,
}

/// Something that a policy decides.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which packets it speaks about.
    pub direction: Direction,
    /// What is decided.
    pub action: Action,
    /// With whom: one of the peers of a `from` or `to`, or everyone.
    pub peer: Selector,
    /// On which ports.
    pub l4: L4Match,
    /// Which requests, where it matters.
    pub l7: Option<L7Match>,
    /// Where the peer is, or the whole rule where it has none, in bytes.
    pub span: Range<u32>,
}

/// Reads a file. `path` names it in diagnostics; `definitions` are those of all files of the package.
#[must_use]
pub fn read(path: &Arc<str>, text: &str, definitions: &Definitions) -> File {
    object::read(path, text, definitions)
}

/// Whether a text is worth reading: whether it mentions a kind of policy, or a group of API versions
/// that policies are in.
#[must_use]
pub fn mentions_policies(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let marks = ["networkpolicy", "networking.k8s.io", "cilium.io"];
    marks.iter().any(|mark| text.contains(mark))
}
