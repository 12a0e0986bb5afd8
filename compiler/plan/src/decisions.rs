//! What a class decides: an interval of L4 keys, then a leaf.

use std::collections::BTreeMap;

use polc_abi::key::L4Key;
use polc_model::{Decider, Decision, Model, SelectorId};
use serde::{Deserialize, Serialize};

use crate::{
    Bitmap, Leaf, NameId, PortName,
    bitmap::{BitmapRow, BitmapTier},
    implication::Wider,
    order::OrderedRule,
    strategy::{self, Choice, Dispatch, LeafForm, Strategy},
    sweep,
};

/// What a class decides about every packet, in the form that its strategy asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// How a program finds the interval.
    pub dispatch: Dispatch,
    /// Consecutive intervals that cover every [`L4Key`]; the first starts at 0.
    pub intervals: Vec<Interval>,
    /// The leaves, each used by at least one interval.
    pub leaves: Leaves,
}

/// From `first` to the next interval's `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The first [`L4Key`].
    pub first: u32,
    /// What is decided.
    pub leaf: LeafId,
}

/// Index of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeafId(pub usize);

/// The leaves of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaves {
    /// Tests of selectors, in order, as code.
    Tests(Vec<Leaf>),
    /// A bit for each rule, in order; a leaf is the set of its rules.
    Bitmap(Bitmap),
}

impl Decisions {
    /// What the program must answer about a packet: `has_name` says which names its receiver has for
    /// its port. `None` only for decisions that are not valid.
    pub fn decide(
        &self,
        l4: L4Key,
        has_name: impl Fn(NameId) -> bool,
        satisfies: impl FnMut(SelectorId) -> bool,
    ) -> Option<Decision> {
        let after = self
            .intervals
            .partition_point(|interval| interval.first <= l4.0);
        let LeafId(leaf) = self.intervals.get(after.checked_sub(1)?)?.leaf;
        match &self.leaves {
            Leaves::Tests(leaves) => leaves.get(leaf)?.decide(has_name, satisfies),
            Leaves::Bitmap(bitmap) => bitmap.decide(leaf, has_name, satisfies),
        }
    }

    /// How many leaves there are.
    #[must_use]
    pub fn leaf_count(&self) -> usize {
        match &self.leaves {
            Leaves::Tests(leaves) => leaves.len(),
            Leaves::Bitmap(bitmap) => bitmap.rows.len(),
        }
    }

    /// The most rules that are asked at one L4 key.
    #[must_use]
    pub fn most_tests(&self) -> usize {
        match &self.leaves {
            Leaves::Tests(leaves) => leaves.iter().map(Leaf::tests).max(),
            Leaves::Bitmap(bitmap) => bitmap.rows.iter().map(BitmapRow::columns).max(),
        }
        .unwrap_or(0)
    }

    /// The strategy that was chosen.
    #[must_use]
    pub const fn strategy(&self) -> Strategy {
        Strategy {
            dispatch: self.dispatch,
            leaves: match self.leaves {
                Leaves::Tests(_) => LeafForm::Tests,
                Leaves::Bitmap(_) => LeafForm::Bitmap,
            },
        }
    }

    /// The named ports that are asked about, some of them several times.
    pub fn names(&self) -> impl Iterator<Item = NameId> {
        let (leaves, tiers): (&[Leaf], &[BitmapTier]) = match &self.leaves {
            Leaves::Tests(leaves) => (leaves, &[]),
            Leaves::Bitmap(bitmap) => (&[], &bitmap.tiers),
        };
        let steps = leaves.iter().flat_map(|leaf| &leaf.steps);
        let columns = tiers.iter().flat_map(|tier| &tier.columns);
        let of_columns = columns.filter_map(|column| column.named);
        steps.filter_map(|step| step.named).chain(of_columns)
    }

    /// Plans the rules of one scope of a class.
    pub(crate) fn plan(
        model: &Model,
        names: &[PortName],
        rules: &[OrderedRule],
        isolated_by: Option<Decider>,
        choice: Choice,
    ) -> Self {
        let sweep = sweep::sweep(model, names, rules);
        let Strategy { dispatch, leaves } = match choice {
            Choice::Cheapest => strategy::cheapest(&sweep, rules),
            Choice::Always(strategy) => strategy,
        };
        let mut leaf_of_set: Vec<LeafId> = Vec::with_capacity(sweep.sets.len());
        let leaves = match leaves {
            LeafForm::Tests => {
                // Different sets of rules may leave the same tests.
                let peers = rules.iter().filter_map(|rule| rule.peer).collect();
                let wider = Wider::among(model, &peers);
                let mut ids: BTreeMap<Leaf, LeafId> = BTreeMap::new();
                let mut leaves: Vec<Leaf> = Vec::new();
                for set in &sweep.sets {
                    let active = set.iter().filter_map(|&position| rules.get(position));
                    let leaf = Leaf::build(active, isolated_by, &wider);
                    leaf_of_set.push(*ids.entry(leaf).or_insert_with_key(|leaf| {
                        leaves.push(leaf.clone());
                        LeafId(leaves.len() - 1)
                    }));
                }
                Leaves::Tests(leaves)
            }
            LeafForm::Bitmap => {
                leaf_of_set.extend((0..sweep.sets.len()).map(LeafId));
                Leaves::Bitmap(Bitmap::build(model, rules, &sweep.sets, isolated_by))
            }
        };
        let mut intervals: Vec<Interval> = Vec::with_capacity(sweep.intervals.len());
        for (first, set) in sweep.intervals {
            let Some(&leaf) = leaf_of_set.get(set) else {
                continue;
            };
            if intervals
                .last()
                .is_none_or(|previous| previous.leaf != leaf)
            {
                intervals.push(Interval { first, leaf });
            }
        }
        Self {
            dispatch,
            intervals,
            leaves,
        }
    }
}
