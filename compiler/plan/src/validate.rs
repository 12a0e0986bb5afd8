//! What must hold of every Plan. Back ends rely on it; a bundle is checked again where it is read.

use std::fmt;

use polc_model::{Decider, Decision, Model};

use crate::{
    Bitmap, ClassPlan, Decisions, Layout, Leaf, Leaves, Plan, Then,
    bitmap::{BitmapTier, Outcome, has_bit},
    names,
};

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
    if !plan.classes.is_sorted_by(|one, next| one.key < next.key) {
        return Err(violation("classes are not in order"));
    }
    plan.classes
        .iter()
        .try_for_each(|class| validate_class(model, class))
}

fn validate_class(model: &Model, class: &ClassPlan) -> Result<(), Violation> {
    let mut policies = class.key.policies.iter();
    if policies.any(|&policy| model.policy(policy).is_none()) {
        return Err(violation("a class names a policy that does not exist"));
    }
    let layout = &class.layout;
    if layout.names != names::of(model, &class.key) {
        return Err(violation("the named ports are not those of the rules"));
    }
    let mut selectors = layout.blocks.iter().flat_map(|block| &block.0);
    if selectors.any(|&selector| model.selector(selector).is_none()) {
        return Err(violation("a bit stands for a selector that does not exist"));
    }
    let bits = layout.bits();
    for decisions in class.scopes() {
        validate_intervals(decisions)?;
        match &decisions.leaves {
            Leaves::Tests(leaves) => {
                for leaf in leaves {
                    validate_leaf(model, leaf)?;
                    let mut tested = leaf.steps.iter().filter_map(|step| step.when);
                    if tested.any(|selector| !bits.contains_key(&selector)) {
                        return Err(violation("a leaf tests a selector that has no bit"));
                    }
                    let mut names = leaf.steps.iter().filter_map(|step| step.named);
                    if names.any(|name| layout.names.len() <= name.0 as usize) {
                        return Err(violation("a leaf tests a name that does not exist"));
                    }
                }
            }
            Leaves::Bitmap(bitmap) => validate_bitmap(model, layout, bitmap)?,
        }
    }
    Ok(())
}

fn violation(message: &str) -> Violation {
    Violation {
        message: message.to_owned(),
    }
}

fn validate_intervals(decisions: &Decisions) -> Result<(), Violation> {
    let intervals = &decisions.intervals;
    if intervals.first().is_none_or(|interval| interval.first != 0) {
        return Err(violation("the intervals of a class do not start at 0"));
    }
    if !intervals.is_sorted_by(|one, next| one.first < next.first) {
        return Err(violation("the intervals of a class are not in order"));
    }
    if intervals
        .iter()
        .any(|interval| interval.leaf.0 >= decisions.leaf_count())
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
            Then::Decide(decision) => validate_decision(model, decision)?,
            Then::SkipTo(_) => {}
        }
    }
    match leaf.steps.last() {
        Some(step) if step.is_always() && matches!(step.then, Then::Decide(_)) => Ok(()),
        _ => Err(violation("a leaf can end without a decision")),
    }
}

fn validate_bitmap(model: &Model, layout: &Layout, bitmap: &Bitmap) -> Result<(), Violation> {
    for tier in &bitmap.tiers {
        let bits = layout.block(tier.block).map_or(&[][..], |block| &block.0);
        let columns = tier.columns.iter().map(|column| &column.peer);
        if !tier.columns.is_empty() && !bits.iter().eq(columns) {
            return Err(violation(
                "the columns of a bitmap are not the bits of its block",
            ));
        }
        let mut names = tier.columns.iter().filter_map(|column| column.named);
        if names.any(|name| layout.names.len() <= name.0 as usize) {
            return Err(violation("a column asks for a name that does not exist"));
        }
        for column in &tier.columns {
            validate_outcome(model, column.then)?;
        }
    }
    let columns: Vec<Vec<u64>> = bitmap.tiers.iter().map(BitmapTier::all).collect();
    for row in &bitmap.rows {
        if row.tiers.len() != bitmap.tiers.len() {
            return Err(violation("a row of a bitmap has another number of tiers"));
        }
        for (row, columns) in row.tiers.iter().zip(&columns) {
            validate_outcome(model, row.otherwise)?;
            let mut words = row.mask.iter().zip(columns);
            if row.mask.len() != columns.len() || words.any(|(mask, all)| mask & !all != 0) {
                return Err(violation("a row of a bitmap has bits that are no columns"));
            }
        }
        let ends = |outcome: &Outcome| matches!(outcome, Outcome::Decide(_));
        let last = row.tiers.last().zip(bitmap.tiers.last());
        if !last.is_some_and(|(row, tier)| {
            ends(&row.otherwise)
                && tier
                    .columns
                    .iter()
                    .enumerate()
                    .all(|(index, column)| ends(&column.then) || !has_bit(&row.mask, index))
        }) {
            return Err(violation("a row of a bitmap can end without a decision"));
        }
    }
    Ok(())
}

fn validate_outcome(model: &Model, outcome: Outcome) -> Result<(), Violation> {
    match outcome {
        Outcome::Decide(decision) => validate_decision(model, decision),
        Outcome::NextTier => Ok(()),
    }
}

fn validate_decision(model: &Model, decision: Decision) -> Result<(), Violation> {
    let exists = match decision.decider {
        Decider::Rule(rule) => model.rule(rule).is_some(),
        Decider::Isolation(policy) => model.policy(policy).is_some(),
        Decider::NoPolicy | Decider::Init => true,
        // Decided by the fixed datapath, never by a program.
        Decider::Itself | Decider::OwnNode => false,
    };
    if exists {
        Ok(())
    } else {
        Err(violation(
            "a leaf names a rule or policy that does not exist",
        ))
    }
}
