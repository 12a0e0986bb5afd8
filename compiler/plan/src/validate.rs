//! What must hold of every Plan. Back ends rely on it; a bundle is checked again where it is read.

use std::fmt;

use polc_model::{Decider, Model};

use crate::{ClassPlan, Leaf, Plan, Then, layout::BLOCK_BITS};

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong, in one line.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Violation {}

/// Checks that a Plan belongs to the Model and that every packet reaches a decision.
///
/// # Errors
/// The first thing that does not hold.
pub fn validate(model: &Model, plan: &Plan) -> Result<(), Violation> {
    let bits = plan.layout.bits();
    if plan
        .layout
        .blocks
        .iter()
        .any(|block| block.len() > BLOCK_BITS)
    {
        return Err(violation("a block holds more than 64 selectors"));
    }
    if bits.len() != plan.layout.blocks.iter().map(Vec::len).sum::<usize>() {
        return Err(violation("a selector has two bits"));
    }
    if bits
        .keys()
        .any(|&selector| model.selector(selector).is_none())
    {
        return Err(violation("a bit stands for a selector that does not exist"));
    }
    if !plan.classes.is_sorted_by(|one, next| one.key < next.key) {
        return Err(violation("classes are not in order"));
    }
    for class in &plan.classes {
        validate_class(model, class)?;
        for leaf in &class.leaves {
            validate_leaf(model, leaf)?;
            let tested = leaf.steps.iter().filter_map(|step| step.when);
            if tested
                .into_iter()
                .any(|selector| !bits.contains_key(&selector))
            {
                return Err(violation("a leaf tests a selector that has no bit"));
            }
        }
    }
    Ok(())
}

fn violation(message: &str) -> Violation {
    Violation {
        message: message.to_owned(),
    }
}

fn validate_class(model: &Model, class: &ClassPlan) -> Result<(), Violation> {
    if class
        .key
        .policies
        .iter()
        .any(|&policy| model.policy(policy).is_none())
    {
        return Err(violation("a class names a policy that does not exist"));
    }
    if class
        .intervals
        .first()
        .is_none_or(|interval| interval.first != 0)
    {
        return Err(violation("the intervals of a class do not start at 0"));
    }
    if !class
        .intervals
        .is_sorted_by(|one, next| one.first < next.first)
    {
        return Err(violation("the intervals of a class are not in order"));
    }
    if class
        .intervals
        .iter()
        .any(|interval| interval.leaf.0 >= class.leaves.len())
    {
        return Err(violation("an interval names a leaf that does not exist"));
    }
    Ok(())
}

fn validate_leaf(model: &Model, leaf: &Leaf) -> Result<(), Violation> {
    for (index, step) in leaf.steps.iter().enumerate() {
        match step.then {
            Then::SkipTo(target) if target <= index || target >= leaf.steps.len() => {
                return Err(violation(
                    "a step of a leaf skips backwards or past the end",
                ));
            }
            Then::Decide(decision) if !exists(model, decision.decider) => {
                return Err(violation(
                    "a leaf names a rule or policy that does not exist",
                ));
            }
            _ => {}
        }
    }
    match leaf.steps.last() {
        Some(step) if step.when.is_none() && matches!(step.then, Then::Decide(_)) => Ok(()),
        _ => Err(violation("a leaf can end without a decision")),
    }
}

fn exists(model: &Model, decider: Decider) -> bool {
    match decider {
        Decider::Rule(rule) => model.rule(rule).is_some(),
        Decider::Isolation(policy) => model.policy(policy).is_some(),
        Decider::NoPolicy | Decider::Init => true,
        // Decided by the fixed datapath, never by a program.
        Decider::Itself | Decider::OwnNode => false,
    }
}
