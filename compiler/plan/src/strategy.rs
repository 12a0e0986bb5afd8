//! How a class becomes a program, and what each way costs.
//!
//! | part | way | costs |
//! |---|---|---|
//! | interval | compare tree in code | two instructions an interval, a comparison a level, of which every other is mispredicted when ports are random |
//! | | table | three dependent loads, whatever the number of intervals; 128 KiB for a thousand |
//! | leaf | tests in code | an instruction a rule and leaf; half words of the signature against masks |
//! | | bitmap | two loads a word of rules; a bit a rule, whatever the number of leaves; a mask for each named port in a word |
//!
//! The constants are nanoseconds, for random ports and a peer that only the last rule is about, as
//! `cargo xtask bench strategies` measures them: Linux 6.18.44, AMD EPYC, 2 virtual CPUs shared
//! with others, 2026-11-24. Ratios are what counts. What that machine said, and where each way
//! begins to be the fastest:
//!
//! | intervals | tree | table |
//! |---|---|---|
//! | 4 | 4 ns | 4 ns |
//! | 16 | 8 | 4 |
//! | 64 | 13 | 4 |
//! | 256 | 18 | 4 |
//! | 1,024 | 23 | 4 |
//! | 4,096 | 33 | 4 |
//!
//! | rules for one port | tests, of one leaf | tests, of 64 leaves | bitmap |
//! |---|---|---|---|
//! | 16 | 1 ns | 3 ns | 1 ns |
//! | 64 | 2 | 4 | 2 |
//! | 256 | 4 | 24 (43,000 instructions, 103 ms to load) | 3 |
//! | 1,024 | 13 | 40 | 8 |
//!
//! Beyond a few intervals or rules, tables of bitmaps are the fastest. They are not chosen where
//! they win nothing worth a larger signature.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{layout::WORD_BITS, order::OrderedRule, sweep::Sweep};

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
/// What a test that also asks for a name takes more, in instructions.
const NAMED_TEST_CODE: usize = 11;
/// The most code that is not split, in instructions.
const MAX_PROGRAM: usize = 12_000;
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
const NS_TREE_LEVEL: f64 = 2.2;
/// A table: three loads that wait for one another.
const NS_TABLE: f64 = 4.0;
/// Half a word of a signature, loaded and compared with the mask of all tests of it.
const NS_HALF_WORD: f64 = 0.4;
/// A test, of a half word in which some test succeeds.
const NS_TEST: f64 = 0.1;
/// A word of a bitmap.
const NS_BITMAP_WORD: f64 = 0.45;
/// A mask of the rules of a bitmap's word that ask for one name. Not measured: two words more.
const NS_NAME_MASK: f64 = 0.9;
/// A bitmap, from the word that is not zero to the decision.
const NS_BITMAP: f64 = 3.0;
/// Not measured, but a price: what bits of its own make all peers' signatures longer. It keeps small
/// classes on tests,
const NS_OWN_BITS: f64 = 3.0;
/// and those with many rules for few peers: each word is one of the 512 that a node has for all of
/// its classes, and that every row of its signatures has.
const NS_OWN_WORD: f64 = 1.5;
/// What an instruction costs by being there: memory, loading, the cache.
const NS_INSTRUCTION: f64 = 0.0005;
/// Tests that one mask asks about at once.
const TESTS_OF_HALF_WORD: usize = 32;

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
    /// Rules for a named port.
    named: usize,
    /// Names in each of these words, together.
    name_masks: usize,
}

impl Sizes {
    fn of(sweep: &Sweep, rules: &[OrderedRule]) -> Self {
        let mut columns = [0; 3];
        let mut name_masks = BTreeSet::new();
        for rule in rules.iter().filter(|rule| !rule.is_always()) {
            if let Some(count) = columns.get_mut(rule.tier as usize) {
                name_masks.extend(rule.name.map(|name| (rule.tier, *count / WORD_BITS, name)));
                *count += 1;
            }
        }
        Self {
            intervals: sweep.intervals.len(),
            leaves: sweep.sets.len(),
            tests: sweep.sets.iter().map(Vec::len).sum(),
            most_tests: sweep.sets.iter().map(Vec::len).max().unwrap_or(0),
            columns: columns.iter().sum(),
            words: columns.iter().map(|count| count.div_ceil(WORD_BITS)).sum(),
            named: rules.iter().filter(|rule| rule.name.is_some()).count(),
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
                // Each test, the loads, what each rule decides, and asking for names, between which
                // there are no runs of tests.
                code += self.tests + 3 * self.tests.min(self.leaves * self.words.max(1) * 2);
                code += 3 * self.columns + NAMED_TEST_CODE * self.named;
                // A tree is split by its intervals; what is found by a table is one program, and so
                // is a leaf.
                let leaf = 4 * self.most_tests + NAMED_TEST_CODE * self.named.min(self.most_tests);
                if leaf > MAX_PROGRAM || strategy.dispatch == Dispatch::Table && code > MAX_PROGRAM
                {
                    return None;
                }
                let half_words = (2 * self.words).min(self.most_tests) + self.named;
                time += NS_TEST * self.most_tests.min(TESTS_OF_HALF_WORD) as f64
                    + NS_HALF_WORD * half_words as f64;
            }
            LeafForm::Bitmap => {
                if self.columns > MAX_COLUMNS {
                    return None;
                }
                let decision = 6 * self.words + 12 * self.name_masks;
                if decision > MAX_BITMAP_CODE {
                    return None;
                }
                code += decision;
                table += self.leaves * (self.words + 3) * size_of::<u64>();
                time += NS_BITMAP
                    + NS_OWN_BITS.max(NS_OWN_WORD * self.words as f64)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `rules` for one port each, with nothing between them in common.
    fn on_ports_of_their_own(rules: usize) -> Sizes {
        Sizes {
            intervals: 2 * rules + 1,
            leaves: rules + 1,
            tests: rules,
            most_tests: 1,
            columns: rules,
            words: rules.div_ceil(WORD_BITS),
            named: 0,
            name_masks: 0,
        }
    }

    fn picked(sizes: &Sizes) -> LeafForm {
        let costs = Strategy::ALL
            .into_iter()
            .filter_map(|strategy| Some((sizes.cost(strategy)?, strategy)));
        let cheapest = costs.min_by(|(one, _), (other, _)| one.total_cmp(other));
        cheapest.unwrap().1.leaves
    }

    #[test]
    fn many_rules_on_ports_of_their_own_leave_the_signatures_alone() {
        assert_eq!(picked(&on_ports_of_their_own(900)), LeafForm::Tests);
    }

    #[test]
    fn many_rules_on_many_ports_are_worth_bits_of_their_own() {
        let sizes = Sizes {
            tests: 300 * 200,
            most_tests: 201,
            ..on_ports_of_their_own(500)
        };
        assert_eq!(picked(&sizes), LeafForm::Bitmap);
    }
}
