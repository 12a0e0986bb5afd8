//! The **Plan**: a Model after flattening precedence, splitting ports into intervals, removing
//! what can never match and sharing equal decisions. Still abstract: back ends turn it into
//! programs, and [`ClassPlan::decide`] says what those programs must do.
//!
//! ```text
//! Model ──class───► which policies apply to an endpoint, per direction
//!       ──order───► a class's rules in the order in which they are asked, each of its named
//!                   ports as a rule of its own
//!       ──sweep───► intervals of L4 keys, each with the set of rules that match there
//!       ──strategy► the cheapest way to decide
//!       ──leaf, bitmap► what each set of rules decides, in that way
//!       ──layout──► which selector is which bit, for this class
//! ```
//!
//! Programs depend on policy alone: nothing here sees an inventory.

pub mod bitmap;
pub mod class;
pub mod deciders;
pub mod decisions;
pub mod describe;
pub mod implication;
pub mod intervals;
pub mod layout;
pub mod leaf;
pub mod names;
mod order;
mod selectors;
pub mod stable_hash;
pub mod strategy;
mod sweep;
pub mod unsupported;
mod validate;

use std::sync::Arc;

use polc_abi::verdict;
use polc_model::{Action, Decider, Decision, Model, Verdict};
use serde::{Deserialize, Serialize};

pub use bitmap::Bitmap;
pub use class::{ClassKey, ClassPlan};
pub use deciders::Deciders;
pub use decisions::{Decisions, Interval, LeafId, Leaves};
pub use layout::{Bit, Block, Layout};
pub use leaf::{Leaf, Step, Then};
pub use names::{NameBit, NameId, Names, PortName};
pub use strategy::{Choice, Dispatch, LeafForm, Strategy};
pub use unsupported::{Site, Unsupported, unsupported};
pub use validate::{Violation, validate};

/// A Model, planned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The planned classes, in order of key. Those of a change of the package are mostly the same.
    pub classes: Vec<Arc<ClassPlan>>,
}

impl Plan {
    /// The planned class with this key.
    #[must_use]
    pub fn class(&self, key: &ClassKey) -> Option<&Arc<ClassPlan>> {
        let index = self
            .classes
            .binary_search_by(|class| class.key.cmp(key))
            .ok()?;
        self.classes.get(index)
    }
}

/// Plans these classes, and always those that every package needs: see [`class::foreseen`].
///
/// # Errors
/// Every construct without a back end that the package uses.
pub fn plan(
    model: &Model,
    keys: impl IntoIterator<Item = ClassKey>,
) -> Result<Plan, Vec<Unsupported>> {
    plan_with(model, keys, Choice::Cheapest)
}

/// As [`plan`], with a say in how classes are decided.
///
/// # Errors
/// As [`plan`].
pub fn plan_with(
    model: &Model,
    keys: impl IntoIterator<Item = ClassKey>,
    choice: Choice,
) -> Result<Plan, Vec<Unsupported>> {
    debug_assert_eq!(polc_model::validate::validate(model), Ok(()));
    let found = unsupported(model);
    if !found.is_empty() {
        return Err(found);
    }
    let mut keys: Vec<ClassKey> = class::foreseen(model).into_iter().chain(keys).collect();
    keys.sort();
    keys.dedup();
    let classes = keys
        .into_iter()
        .map(|key| Arc::new(class::plan(model, key, choice)))
        .collect();
    let plan = Plan { classes };
    debug_assert_eq!(validate(model, &plan), Ok(()));
    Ok(plan)
}

/// A decision's verdict as programs and events carry it: a denial by a `reject` is one that is
/// answered.
#[must_use]
pub fn raw_verdict(model: &Model, decision: Decision) -> verdict::Verdict {
    let action = match decision.decider {
        Decider::Rule(rule) => model.rule(rule).map(|rule| rule.action),
        _ => None,
    };
    match (decision.verdict, action) {
        (Verdict::Allow, _) => verdict::Verdict::Allow,
        (Verdict::Deny, Some(Action::Reject)) => verdict::Verdict::Reject,
        (Verdict::Deny, _) => verdict::Verdict::Deny,
    }
}
