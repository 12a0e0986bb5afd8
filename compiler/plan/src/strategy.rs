//! How a class becomes a program, and what each way costs.
//!
//! | part | way | costs |
//! |---|---|---|
//! | interval | compare tree in code | two instructions an interval, a comparison a level |
//! | | table | three dependent loads, whatever the number of intervals; 128 KiB for a thousand |
//! | leaf | tests in code | an instruction a rule and leaf, masks over words of the signature |
//! | | bitmap | two loads a word of rules; a bit a rule, whatever the number of leaves; a mask for each named port in a word |
//!
//! Constants are nanoseconds on the machine that they were measured on (`cargo xtask bench`, part
//! "strategies"): their ratios are what counts.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{layout::BLOCK_BITS, order::OrderedRule, sweep::Sweep};

/// How a program finds the interval of an L4 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispatch {
    /// A balanced tree of comparisons.
    Tree,
    /// A table, looked up by protocol, upper and lower byte of the port.
    Table,
}

/// How a program decides a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeafForm {
    /// See [`Leaf`](crate::Leaf).
    Tests,
    /// See [`Bitmap`](crate::Bitmap).
    Bitmap,
}

/// How a class becomes a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strategy {
    /// Finding the interval.
    pub dispatch: Dispatch,
    /// Deciding the leaf.
    pub leaves: LeafForm,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 4] = [
        Self::new(Dispatch::Tree, LeafForm::Tests),
        Self::new(Dispatch::Table, LeafForm::Tests),
        Self::new(Dispatch::Tree, LeafForm::Bitmap),
        Self::new(Dispatch::Table, LeafForm::Bitmap),
    ];

    /// A strategy.
    #[must_use]
    pub const fn new(dispatch: Dispatch, leaves: LeafForm) -> Self {
        Self { dispatch, leaves }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.dispatch {
            Dispatch::Tree => "tree of ",
            Dispatch::Table => "table of ",
        })?;
        f.write_str(match self.leaves {
            LeafForm::Tests => "tests",
            LeafForm::Bitmap => "bitmaps",
        })
    }
}

/// Who chooses the strategy of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The cost model.
    #[default]
    Cheapest,
    /// The caller, to compare strategies. Ignores what a program or a node can hold.
    Always(Strategy),
}

/// The most tests on one path: half of what the verifier walks before it gives up.
pub const MAX_TESTS: usize = 4_096;
/// The most code of all parts of a class, in instructions: more makes a class slow to load.
const MAX_CODE: usize = 160_000;
/// The most code that decides a bitmap, in instructions: it is in one program, and jumped over.
const MAX_BITMAP_CODE: usize = 8_000;
/// The most bits that one class may take of a node's signatures.
const MAX_COLUMNS: usize = 4_096;
/// Bytes of a table's page of 256 entries.
const PAGE_BYTES: usize = 512;
/// The most that a class's table may hold, in bytes: the largest value of an array on every
/// kernel.
const MAX_TABLE_BYTES: usize = 4 << 20;

/// A level of a tree.
const NS_TREE_LEVEL: f64 = 1.6;
/// A table: three loads that wait for one another, some of them from outside the first cache.
const NS_TABLE: f64 = 12.0;
/// A word of a signature, loaded to be tested.
const NS_WORD: f64 = 0.8;
/// A test.
const NS_TEST: f64 = 0.35;
/// A word of a bitmap.
const NS_BITMAP_WORD: f64 = 1.1;
/// A mask of the rules of a bitmap's word that ask for one name.
const NS_NAME_MASK: f64 = 1.5;
/// A bitmap, from the word that is not zero to the decision.
const NS_BITMAP: f64 = 4.0;
/// What an instruction costs by being there: memory, loading, the cache. A class is loaded once
/// and asked often, so this only decides between ways that are equally fast.
const NS_INSTRUCTION: f64 = 0.002;

/// The cheapest strategy that fits a program.
pub(crate) fn cheapest(sweep: &Sweep, rules: &[OrderedRule]) -> Strategy {
    let sizes = Sizes::of(sweep, rules);
    let costs = Strategy::ALL
        .into_iter()
        .filter_map(|strategy| Some((sizes.cost(strategy)?, strategy)));
    costs
        .min_by(|(one, _), (other, _)| one.total_cmp(other))
        // Over every budget: code generation says so, naming what is too much.
        .map_or(Strategy::ALL[0], |(_, strategy)| strategy)
}

/// What the costs depend on.
struct Sizes {
    intervals: usize,
    leaves: usize,
    /// Tests of all leaves.
    tests: usize,
    /// Tests of the largest leaf.
    most_tests: usize,
    /// Rules with a bit of their own.
    columns: usize,
    /// Words of a bitmap row.
    words: usize,
    /// Names in each of these words, together.
    name_masks: usize,
}

impl Sizes {
    fn of(sweep: &Sweep, rules: &[OrderedRule]) -> Self {
        let mut columns = [0; 3];
        let mut name_masks = BTreeSet::new();
        for rule in rules.iter().filter(|rule| !rule.is_always()) {
            if let Some(count) = columns.get_mut(rule.tier as usize) {
                name_masks.extend(rule.name.map(|name| (rule.tier, *count / BLOCK_BITS, name)));
                *count += 1;
            }
        }
        Self {
            intervals: sweep.intervals.len(),
            leaves: sweep.sets.len(),
            tests: sweep.sets.iter().map(Vec::len).sum(),
            most_tests: sweep.sets.iter().map(Vec::len).max().unwrap_or(0),
            columns: columns.iter().sum(),
            words: columns.iter().map(|count| count.div_ceil(BLOCK_BITS)).sum(),
            name_masks: name_masks.len(),
        }
    }

    /// Nanoseconds for the slowest packet; `None` where it does not fit.
    #[expect(clippy::cast_precision_loss, reason = "estimates")]
    fn cost(&self, strategy: Strategy) -> Option<f64> {
        let levels = |count: usize| (count.max(1) as f64).log2();
        let mut code = 0;
        let mut table = 0;
        let mut time = 0.0;
        match strategy.dispatch {
            Dispatch::Tree => {
                code += 2 * self.intervals;
                time += NS_TREE_LEVEL * levels(self.intervals);
            }
            Dispatch::Table => {
                if self.leaves > usize::from(u16::MAX) {
                    return None;
                }
                table += PAGE_BYTES * (self.intervals + 3);
                time += NS_TABLE;
            }
        }
        match strategy.leaves {
            LeafForm::Tests => {
                if self.most_tests > MAX_TESTS {
                    return None;
                }
                if strategy.dispatch == Dispatch::Table {
                    code += 2 * self.leaves;
                    time += NS_TREE_LEVEL * levels(self.leaves);
                }
                code += self.tests + 3 * self.tests.min(self.leaves * self.words.max(1) * 2);
                time += NS_TEST * self.most_tests as f64
                    + NS_WORD * 2.0 * (self.words.min(self.most_tests) as f64);
            }
            LeafForm::Bitmap => {
                if self.columns > MAX_COLUMNS {
                    return None;
                }
                let decision = 6 * self.words + 10 * self.name_masks;
                if decision > MAX_BITMAP_CODE {
                    return None;
                }
                code += decision;
                table += self.leaves * (self.words + 3) * size_of::<u64>();
                time += NS_BITMAP
                    + NS_BITMAP_WORD * self.words as f64
                    + NS_NAME_MASK * self.name_masks as f64;
            }
        }
        if code > MAX_CODE || table > MAX_TABLE_BYTES {
            return None;
        }
        Some(time + NS_INSTRUCTION * code as f64)
    }
}
