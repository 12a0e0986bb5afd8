//! Signatures, and the rows that peers share.

use std::collections::BTreeMap;

use polc_abi::policy::Signature;
use polc_model::{Model, PeerFacts, SelectorExpr};
use polc_plan::Layout;

/// Rows, numbered in order of first use.
pub(crate) struct Rows<'a> {
    /// What each bit of each word asks.
    words: Vec<Vec<&'a SelectorExpr>>,
    row_of: BTreeMap<Signature, u32>,
    rows: Vec<Signature>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(model: &'a Model, layout: &Layout, blocks: &[u32]) -> Self {
        let words = blocks
            .iter()
            .map(|&block| {
                let selectors = layout
                    .blocks
                    .get(block as usize)
                    .map_or(&[][..], Vec::as_slice);
                selectors
                    .iter()
                    .filter_map(|&selector| Some(&model.selector(selector)?.expr))
                    .collect()
            })
            .collect();
        Self {
            words,
            row_of: BTreeMap::new(),
            rows: Vec::new(),
        }
    }

    /// The row of a peer.
    pub(crate) fn row(&mut self, peer: &PeerFacts<'_>) -> u32 {
        let mut signature = Signature::default();
        for (word, selectors) in signature.iter_mut().zip(&self.words) {
            for (bit, selector) in selectors.iter().enumerate() {
                *word |= u64::from(selector.matches(peer)) << bit;
            }
        }
        *self.row_of.entry(signature).or_insert_with(|| {
            self.rows.push(signature);
            u32::try_from(self.rows.len() - 1).unwrap_or(u32::MAX)
        })
    }

    pub(crate) fn finish(self) -> Vec<Signature> {
        self.rows
    }
}
