//! What follows from selectors: whether one can be satisfied, implies another, or excludes it.
//!
//! Answers are exact. A selector is a boolean combination of questions about a peer: its kind, its
//! namespace, the value of each label, and the block that its address lies in. Each question has
//! finitely many answers that the selectors at hand can tell apart: the values that they mention,
//! "another value", and "none". [`search`] walks those answers, evaluates with what is known so
//! far (true, false, or not yet), and turns back as soon as the outcome is settled. That finds a
//! [`Witness`], a peer that satisfies the selector, or proves that there is none.
//!
//! The walk is exponential in the worst case, so it has a budget; beyond it the answer is
//! [`Answer::Unknown`], and callers say nothing rather than something wrong.

mod search;
mod witness;

use polc_model::SelectorExpr;

pub use witness::Witness;

/// The answer to a question about selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It holds for every peer.
    Yes,
    /// It does not; [`satisfy`] of the counter-example finds a peer.
    No,
    /// Deciding would take too long.
    Unknown,
}

/// A peer that satisfies the selector, `Ok(None)` when there is none.
///
/// # Errors
/// Deciding would take too long.
pub fn satisfy(selector: &SelectorExpr) -> Result<Option<Witness>, TooComplex> {
    search::satisfy(selector)
}

/// The selector has more combinations of answers than the budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooComplex;

/// Whether no peer satisfies the selector.
#[must_use]
pub fn is_empty(selector: &SelectorExpr) -> Answer {
    match satisfy(selector) {
        Ok(None) => Answer::Yes,
        Ok(Some(_)) => Answer::No,
        Err(TooComplex) => Answer::Unknown,
    }
}

/// Whether every peer that satisfies `narrow` satisfies `wide`.
#[must_use]
pub fn implies(narrow: &SelectorExpr, wide: &SelectorExpr) -> Answer {
    if narrow == wide {
        return Answer::Yes;
    }
    let outside = SelectorExpr::Minus(Box::new(narrow.clone()), Box::new(wide.clone()));
    is_empty(&outside)
}

/// Whether no peer satisfies both.
#[must_use]
pub fn excludes(one: &SelectorExpr, other: &SelectorExpr) -> Answer {
    is_empty(&SelectorExpr::AllOf(vec![one.clone(), other.clone()]))
}

#[cfg(test)]
mod tests;
