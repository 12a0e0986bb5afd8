//! Signatures: what the selectors of a node say of a peer, a bit each. Equal ones are one row.

use std::collections::{BTreeMap, BTreeSet};

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

/// Numbers for signatures, in order of first use; those that were there before keep theirs.
pub(crate) struct Numbering {
    /// Words of each signature.
    words: usize,
    /// Without words of zero at the end: rows may have become longer.
    row_of: BTreeMap<Vec<u64>, u32>,
    /// Numbers that no signature has, the smallest last.
    free: Vec<u32>,
    /// How many numbers were given.
    count: u32,
    used: BTreeSet<u32>,
}

impl Numbering {
    /// For signatures of so many words.
    pub(crate) fn after(before: Option<&Signatures>, words: usize) -> Self {
        let mut numbering = Self {
            words,
            row_of: BTreeMap::new(),
            free: Vec::new(),
            count: 0,
            used: BTreeSet::new(),
        };
        if let Some(before) = before {
            numbering.count = u32::try_from(before.count()).unwrap_or(u32::MAX);
            numbering.free = before.unused.iter().rev().copied().collect();
            let numbers = (0..numbering.count).filter(|row| !before.unused.contains(row));
            numbering.row_of = numbers
                .filter_map(|row| Some((without_end(before.row(row)?), row)))
                .collect();
        }
        numbering
    }

    /// Words of each signature.
    pub(crate) const fn words(&self) -> usize {
        self.words
    }

    /// The row of a signature.
    pub(crate) fn row(&mut self, signature: &[u64]) -> u32 {
        let signature = without_end(signature);
        let row = match self.row_of.get(&signature) {
            Some(&row) => row,
            None => {
                let row = self.free.pop().unwrap_or_else(|| {
                    self.count += 1;
                    self.count - 1
                });
                self.row_of.insert(signature, row);
                row
            }
        };
        self.used.insert(row);
        row
    }

    /// Says which rows are used, whatever was asked for.
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

    pub(crate) fn finish(self) -> Signatures {
        let mut bits = vec![0; self.count as usize * self.words];
        for (signature, &row) in &self.row_of {
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
