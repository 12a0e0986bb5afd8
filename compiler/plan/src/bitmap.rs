//! Leaves as sets of rules: for classes in which many rules meet many ports, where one test after
//! the other would take too much code.
//!
//! Each rule of the class has a bit of its own in the peer's signature, in the order in which the
//! rules are asked. A leaf is the set of rules that match its L4 keys. Signature and set, word by
//! word, without the rules for names that the port does not have: the lowest bit that is in both is
//! the rule that decides.
//!
//! This is the bit vector scheme of packet classification (Lakshman and Stiliadis, "High-speed
//! policy-based packet forwarding using efficient multi-dimensional range matching", 1998), with
//! the peer's dimension computed ahead, as its signature.

use std::collections::BTreeMap;

use polc_model::{Decider, Decision, Model, SelectorId, Tier};
use serde::{Deserialize, Serialize};

use crate::{
    NameId,
    layout::WORD_BITS,
    order::{self, OrderedRule},
};

/// The leaves of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bitmap {
    /// The rules, tier by tier, in the order in which tiers are asked.
    pub tiers: Vec<BitmapTier>,
    /// The leaves.
    pub rows: Vec<BitmapRow>,
}

/// The rules of a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BitmapTier {
    /// The layout's block that holds the rules' bits, if there are any.
    pub block: u32,
    /// The rules, in the order in which they are asked. Column `i` is bit `i` of the block.
    pub columns: Vec<Column>,
}

/// A rule of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its peers.
    pub peer: SelectorId,
    /// The name that the receiver must have for the port, too. `None` is always satisfied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<NameId>,
    /// What it does.
    pub then: Outcome,
}

/// What a rule does, or what happens without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Ends with this decision.
    Decide(Decision),
    /// Leaves it to the next tier.
    NextTier,
}

/// A leaf: its rules in each tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BitmapRow {
    /// As many as [`Bitmap::tiers`].
    pub tiers: Vec<RowTier>,
}

/// The rules of a leaf in one tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowTier {
    /// The bits of the columns that match the leaf's L4 keys: as many words as the tier has.
    #[serde(with = "hexadecimal")]
    pub mask: Vec<u64>,
    /// What happens when the peer is in none of them.
    pub otherwise: Outcome,
}

impl BitmapRow {
    /// How many columns match.
    #[must_use]
    pub fn columns(&self) -> usize {
        let words = self.tiers.iter().flat_map(|tier| &tier.mask);
        words.map(|word| word.count_ones() as usize).sum()
    }
}

impl BitmapTier {
    /// In how many words of a signature the columns are.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.columns.len().div_ceil(WORD_BITS)
    }

    /// The mask of all columns.
    #[must_use]
    pub fn all(&self) -> Vec<u64> {
        let mut mask = vec![0; self.words()];
        (0..self.columns.len()).for_each(|column| set(&mut mask, column));
        mask
    }

    /// The columns of a word that ask for each name, as bits of the word.
    #[must_use]
    pub fn named(&self, word: usize) -> BTreeMap<NameId, u64> {
        let mut named: BTreeMap<NameId, u64> = BTreeMap::new();
        for (bit, column) in self.columns.iter().enumerate() {
            if bit / WORD_BITS == word
                && let Some(name) = column.named
            {
                *named.entry(name).or_default() |= 1 << (bit % WORD_BITS);
            }
        }
        named
    }
}

impl Bitmap {
    /// Runs a leaf: `has_name` says which names the receiver has for the port. `None` for a bitmap
    /// that is not valid.
    pub fn decide(
        &self,
        leaf: usize,
        has_name: impl Fn(NameId) -> bool,
        mut satisfies: impl FnMut(SelectorId) -> bool,
    ) -> Option<Decision> {
        for (tier, row) in self.tiers.iter().zip(&self.rows.get(leaf)?.tiers) {
            let mut columns = tier.columns.iter().enumerate();
            let matched = columns.find(|(index, column)| {
                has_bit(&row.mask, *index)
                    && column.named.is_none_or(&has_name)
                    && satisfies(column.peer)
            });
            match matched.map_or(row.otherwise, |(_, column)| column.then) {
                Outcome::Decide(decision) => return Some(decision),
                Outcome::NextTier => {}
            }
        }
        None
    }

    /// Builds the leaves of `sets` of positions in `rules`.
    pub(crate) fn build(
        model: &Model,
        rules: &[OrderedRule],
        sets: &[Vec<usize>],
        isolated_by: Option<Decider>,
    ) -> Self {
        // The column of each rule that has one: rules for every packet are what happens otherwise.
        let mut column_of: Vec<Option<usize>> = Vec::with_capacity(rules.len());
        let mut tiers = Vec::with_capacity(Tier::ALL.len());
        for tier in Tier::ALL {
            let mut columns = Vec::new();
            for rule in rules.iter().filter(|rule| rule.tier == tier) {
                let peer = model.rule(rule.id).map(|rule| rule.peer);
                let peer = peer.filter(|_| !rule.is_always());
                column_of.push(peer.map(|peer| {
                    columns.push(Column {
                        peer,
                        named: rule.name,
                        then: outcome(rule),
                    });
                    columns.len() - 1
                }));
            }
            // Its block is known when the class's layout is.
            tiers.push(BitmapTier { block: 0, columns });
        }
        let rows = sets
            .iter()
            .map(|set| BitmapRow {
                tiers: Tier::ALL
                    .into_iter()
                    .zip(&tiers)
                    .map(|(tier, columns)| {
                        let active = set.iter().filter_map(|&position| {
                            let rule = rules.get(position)?;
                            (rule.tier == tier)
                                .then_some((rule, column_of.get(position).copied().flatten()))
                        });
                        row(active, columns, order::end_of_tier(tier, isolated_by))
                    })
                    .collect(),
            })
            .collect();
        Self { tiers, rows }
    }
}

/// The row of one tier: the rules up to the first that every packet matches.
fn row<'a>(
    rules: impl Iterator<Item = (&'a OrderedRule, Option<usize>)>,
    tier: &BitmapTier,
    end: Option<Decision>,
) -> RowTier {
    let mut mask = vec![0; tier.words()];
    for (rule, column) in rules {
        let Some(column) = column else {
            let otherwise = outcome(rule);
            return RowTier { mask, otherwise };
        };
        set(&mut mask, column);
    }
    RowTier {
        mask,
        otherwise: end.map_or(Outcome::NextTier, Outcome::Decide),
    }
}

fn outcome(rule: &OrderedRule) -> Outcome {
    rule.decision().map_or(Outcome::NextTier, Outcome::Decide)
}

/// Adds a column to a mask.
fn set(mask: &mut [u64], column: usize) {
    if let Some(word) = mask.get_mut(column / WORD_BITS) {
        *word |= 1_u64 << (column % WORD_BITS);
    }
}

pub(crate) fn has_bit(mask: &[u64], index: usize) -> bool {
    mask.get(index / WORD_BITS)
        .is_some_and(|word| word >> (index % WORD_BITS) & 1 == 1)
}

/// Masks as hexadecimal text, the last word first: JSON has no integers of 64 bits that every
/// reader keeps whole.
mod hexadecimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    const DIGITS: usize = 16;

    pub(super) fn serialize<S: Serializer>(words: &[u64], to: S) -> Result<S::Ok, S::Error> {
        let text: String = words
            .iter()
            .rev()
            .map(|word| format!("{word:016x}"))
            .collect();
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || D::Error::custom("a mask is made of groups of 16 hexadecimal digits");
        if text.len() % DIGITS != 0 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let words: Option<Vec<u64>> = text
            .as_bytes()
            .rchunks(DIGITS)
            .map(|digits| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
            .collect();
        words.ok_or_else(wrong)
    }
}
