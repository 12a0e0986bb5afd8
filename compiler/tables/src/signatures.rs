//! Signatures, and the rows that peers share.
//!
//! What selectors say of a peer follows from what it is, its labels, and the smallest of the
//! policies' CIDR blocks around its address: blocks either contain one another or have nothing in
//! common, so that the smallest one names all that contain the address. Selectors are evaluated
//! once for each such combination, not once for each peer; and of the selectors, only those that
//! the combination can satisfy, see [`questions`](crate::questions).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use polc_model::{Labels, Model, PeerFacts, PeerKind};
use polc_plan::layout::WORD_BITS;

use crate::{Placement, questions::Questions};

/// Signatures of equal length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    words: usize,
    bits: Vec<u64>,
    /// Rows that no peer has.
    unused: BTreeSet<u32>,
}

impl Signatures {
    /// Words of each signature; at least one.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.words
    }

    /// How many rows there are, those that no peer has among them; at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bits.len() / self.words.max(1)
    }

    /// The signature of a row.
    #[must_use]
    pub fn row(&self, row: u32) -> Option<&[u64]> {
        let start = (row as usize).checked_mul(self.words)?;
        self.bits.get(start..start.checked_add(self.words)?)
    }

    /// All of them, one behind the other.
    #[must_use]
    pub fn bits(&self) -> &[u64] {
        &self.bits
    }
}

/// What decides about the bits of a peer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Traits<'p> {
    kind: PeerKind,
    is_kube_apiserver: bool,
    namespace: Option<&'p str>,
    labels: &'p Labels,
    namespace_labels: &'p Labels,
    names: &'p [String],
    /// The smallest block around the address.
    block: Option<IpNet>,
}

/// Rows, numbered in order of first use; those that were there before keep their numbers.
pub(crate) struct Rows<'a, 'p> {
    questions: Questions<'a>,
    /// Words of each signature.
    words: usize,
    blocks: &'a BTreeSet<IpNet>,
    /// Lengths of blocks of either family that occur, the longest first.
    lengths: [Vec<u8>; 2],
    row_of_traits: BTreeMap<Traits<'p>, u32>,
    /// Without words of zero at the end: rows may have become longer.
    row_of_signature: BTreeMap<Vec<u64>, u32>,
    /// Numbers that no signature has, the smallest last.
    free: Vec<u32>,
    /// How many numbers were given.
    count: u32,
    used: BTreeSet<u32>,
}

impl<'a, 'p> Rows<'a, 'p> {
    /// `blocks` are all blocks that the selectors mention.
    pub(crate) fn new(
        model: &'a Model,
        placement: &Placement,
        blocks: &'a BTreeSet<IpNet>,
        before: Option<&Signatures>,
    ) -> Self {
        let mut questions = Questions::default();
        for (bit, selector) in placement.selectors() {
            if let Some(selector) = model.selector(selector) {
                questions.ask(bit, &selector.expr);
            }
        }
        let mut lengths = [BTreeSet::new(), BTreeSet::new()];
        for block in blocks {
            let [v4, v6] = &mut lengths;
            let family = if block.addr().is_ipv4() { v4 } else { v6 };
            family.insert(block.prefix_len());
        }
        let lengths = lengths.map(|lengths| lengths.into_iter().rev().collect());
        let mut rows = Self {
            questions,
            words: placement.words(),
            blocks,
            lengths,
            row_of_traits: BTreeMap::new(),
            row_of_signature: BTreeMap::new(),
            free: Vec::new(),
            count: 0,
            used: BTreeSet::new(),
        };
        if let Some(before) = before {
            rows.count = u32::try_from(before.count()).unwrap_or(u32::MAX);
            rows.free = before.unused.iter().rev().copied().collect();
            let numbers = (0..rows.count).filter(|row| !before.unused.contains(row));
            rows.row_of_signature = numbers
                .filter_map(|row| Some((without_end(before.row(row)?), row)))
                .collect();
        }
        rows
    }

    /// The row of a peer.
    pub(crate) fn row(&mut self, peer: &PeerFacts<'p>) -> u32 {
        let around = peer.network.map(|network| self.blocks_around(network));
        let traits = Traits {
            kind: peer.kind,
            is_kube_apiserver: peer.is_kube_apiserver,
            namespace: peer.namespace,
            labels: peer.labels,
            namespace_labels: peer.namespace_labels,
            names: peer.names,
            block: around.as_ref().and_then(|around| around.first().copied()),
        };
        if let Some(&row) = self.row_of_traits.get(&traits) {
            return row;
        }
        let around = around.unwrap_or_default();
        let mut signature = vec![0; self.words];
        self.questions.answer(peer, &around, |bit| {
            if let Some(word) = signature.get_mut(bit / WORD_BITS) {
                *word |= 1_u64 << (bit % WORD_BITS);
            }
        });
        let row = self.row_of(signature);
        self.row_of_traits.insert(traits, row);
        row
    }

    fn row_of(&mut self, signature: Vec<u64>) -> u32 {
        let signature = without_end(&signature);
        let row = match self.row_of_signature.get(&signature) {
            Some(&row) => row,
            None => {
                let row = self.free.pop().unwrap_or_else(|| {
                    self.count += 1;
                    self.count - 1
                });
                self.row_of_signature.insert(signature, row);
                row
            }
        };
        self.used.insert(row);
        row
    }

    /// Says which rows are used, whoever was looked at.
    pub(crate) fn are_used(&mut self, rows: impl IntoIterator<Item = u32>) {
        let mut used = vec![false; self.count as usize];
        for row in rows {
            if let Some(used) = used.get_mut(row as usize) {
                *used = true;
            }
        }
        self.used = (0..)
            .zip(used)
            .filter(|(_, used)| *used)
            .map(|(row, _)| row)
            .collect();
    }

    /// The blocks that contain a network, the smallest first.
    fn blocks_around(&self, network: IpNet) -> Vec<IpNet> {
        let [v4, v6] = &self.lengths;
        let lengths = if network.addr().is_ipv4() { v4 } else { v6 };
        lengths
            .iter()
            .filter(|&&length| length <= network.prefix_len())
            .filter_map(|&length| IpNet::new(network.addr(), length).ok())
            .map(|block| block.trunc())
            .filter(|block| self.blocks.contains(block))
            .collect()
    }

    pub(crate) fn finish(self) -> Signatures {
        let mut bits = vec![0; self.count as usize * self.words];
        for (signature, &row) in &self.row_of_signature {
            if self.used.contains(&row) {
                let start = row as usize * self.words;
                let words = bits.iter_mut().skip(start).take(self.words);
                words.zip(signature).for_each(|(to, from)| *to = *from);
            }
        }
        Signatures {
            words: self.words,
            bits,
            unused: (0..self.count)
                .filter(|row| !self.used.contains(row))
                .collect(),
        }
    }
}

/// A signature without its last words, as far as they are zero.
fn without_end(signature: &[u64]) -> Vec<u64> {
    let end = signature.iter().rposition(|&word| word != 0);
    let words = signature.iter().take(end.map_or(0, |last| last + 1));
    words.copied().collect()
}
