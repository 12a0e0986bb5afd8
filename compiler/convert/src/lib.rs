//! Policies in other words.
//!
//! ```text
//! YAML ──front end──► Model ──pol──► .pol that reads as if written by hand
//! .pol ──front end──► Model ──kubernetes──► objects, where they can say it
//! ```
//!
//! Both write a [`Model`](polc_model::Model), so that whoever converts can compile what was written and
//! compare: see [`difference`]. Comments are no part of a Model; [`Comments`] finds them beside the
//! policies and rules of its files.

pub mod comments;
mod difference;
pub mod kubernetes;
pub mod pol;

use std::fmt;

use polc_model::Origin;

pub use comments::Comments;
pub use difference::difference;

/// Something that the other form cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsayable {
    /// The policy that says it.
    pub policy: String,
    /// What, in words.
    pub what: String,
    /// Where, if it is a rule.
    pub origin: Option<Origin>,
}

impl fmt::Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.policy, self.what)
    }
}
