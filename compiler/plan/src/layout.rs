//! Which selector is which bit of a peer's signature, and which named port is which name, for the
//! program of one class.

use std::collections::{BTreeMap, BTreeSet};

use polc_model::{Model, PolicyId, SelectorId};
use serde::{Deserialize, Serialize};

use crate::{
    ClassKey,
    bitmap::Bitmap,
    decisions::{Decisions, Leaves},
    names::PortName,
    selectors::constant,
};

/// What the program of a class asks about, in numbers of its own: that is all that it knows of them.
/// A node decides where in its signatures a block is and which bit a name has, and patches the program
/// accordingly.
///
/// A class's layout depends on its own policies alone, so that no change elsewhere changes its
/// program. Blocks of equal content, of several classes, are one on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The selectors: those of each policy's rules that programs test one by one, and behind them
    /// those of bitmaps, which need them in the order of their rules.
    pub blocks: Vec<Block>,
    /// The named ports that rules ask for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<PortName>,
}

/// Selectors that lie side by side in a signature, by bit.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Block(pub Vec<SelectorId>);

impl Block {
    /// Bytes of a signature that it takes, and what they are a multiple of: 1, 2, 4, or as many words
    /// of 8 as its selectors need.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        match self.0.len() {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            more => more.div_ceil(WORD_BITS) * size_of::<u64>(),
        }
    }
}

/// Selectors of one word of a signature.
pub const WORD_BITS: usize = 64;

/// Where a selector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bit {
    /// Index into [`Layout::blocks`].
    pub block: u32,
    /// Bit inside the block.
    pub bit: u32,
}

impl Layout {
    /// The layout of a class with these names, which decides so; tells the bitmaps among the
    /// decisions where their columns are.
    pub(crate) fn of<'d>(
        model: &Model,
        key: &ClassKey,
        names: Vec<PortName>,
        decisions: impl Iterator<Item = &'d mut Decisions>,
    ) -> Self {
        let policies = key.policies.iter();
        let mut layout = Self {
            blocks: policies
                .map(|&policy| selectors_of(model, key, policy))
                .collect(),
            names,
        };
        let mut bitmaps: Vec<&mut Bitmap> = Vec::new();
        let mut tested = BTreeSet::new();
        let bits = layout.bits();
        for decisions in decisions {
            match &mut decisions.leaves {
                Leaves::Tests(leaves) => {
                    let steps = leaves.iter().flat_map(|leaf| &leaf.steps);
                    let selectors = steps.filter_map(|step| step.when);
                    tested.extend(selectors.filter_map(|one| Some(bits.get(&one)?.block)));
                }
                Leaves::Bitmap(bitmap) => bitmaps.push(bitmap),
            }
        }
        layout.blocks = (0..)
            .zip(layout.blocks)
            .filter(|(block, _)| tested.contains(block))
            .map(|(_, block)| block)
            .collect();
        for tier in bitmaps.into_iter().flat_map(|bitmap| &mut bitmap.tiers) {
            let columns = tier.columns.iter().map(|column| column.peer);
            tier.block = layout.block_of(Block(columns.collect()));
        }
        layout
    }

    /// The index of a block with this content: a known one, or a new one.
    fn block_of(&mut self, wanted: Block) -> u32 {
        let known = self.blocks.iter().position(|block| *block == wanted);
        let index = known.unwrap_or_else(|| {
            if !wanted.0.is_empty() {
                self.blocks.push(wanted);
            }
            self.blocks.len().saturating_sub(1)
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// A block.
    #[must_use]
    pub fn block(&self, index: u32) -> Option<&Block> {
        self.blocks.get(index as usize)
    }

    /// The bit of each selector that has one; of several, the first.
    #[must_use]
    pub fn bits(&self) -> BTreeMap<SelectorId, Bit> {
        let mut bits = BTreeMap::new();
        for (block, selectors) in (0..).zip(&self.blocks) {
            for (bit, selector) in (0..).zip(&selectors.0) {
                bits.entry(*selector).or_insert(Bit { block, bit });
            }
        }
        bits
    }
}

/// The selectors that a policy's rules of the class's direction may test, in order of rule: what is
/// tested together lies together.
fn selectors_of(model: &Model, key: &ClassKey, policy: PolicyId) -> Block {
    let mut seen = BTreeSet::new();
    let rules = model.rules_of(policy);
    let peers = rules
        .filter(|(_, rule)| rule.direction == key.direction)
        .map(|(_, rule)| rule.peer)
        .filter(|&peer| {
            let selector = model.selector(peer);
            selector.is_some_and(|selector| constant(&selector.expr).is_none())
        })
        .filter(|&peer| seen.insert(peer));
    Block(peers.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_take_the_bytes_that_a_load_reads() {
        let bytes = |selectors: usize| {
            let ids = (0..selectors).map(SelectorId::new);
            Block(ids.collect()).bytes()
        };
        let sizes = [1, 8, 9, 16, 17, 32, 33, 64, 65, 128, 129].map(bytes);
        assert_eq!(sizes, [1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 24]);
    }

    #[test]
    fn equal_blocks_are_one() {
        let block = |ids: &[usize]| Block(ids.iter().copied().map(SelectorId::new).collect());
        let mut layout = Layout::default();
        let mut index_of = |ids: &[usize]| layout.block_of(block(ids));
        assert_eq!(index_of(&[1, 2]), 0);
        assert_eq!(index_of(&[2, 1]), 1);
        assert_eq!(index_of(&[1, 2]), 0);
        assert_eq!(index_of(&[1, 2, 3]), 2);
        assert_eq!(layout.blocks.len(), 3);
    }
}
