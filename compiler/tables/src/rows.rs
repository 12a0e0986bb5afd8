//! The rows that peers share.
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

use crate::{Placement, Signatures, blocks::Blocks, questions::Questions, signatures::Numbering};

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
    blocks: Blocks<'a>,
    row_of: BTreeMap<Traits<'p>, u32>,
    numbering: Numbering,
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
        Self {
            questions,
            blocks: Blocks::new(blocks),
            row_of: BTreeMap::new(),
            numbering: Numbering::after(before, placement.words()),
        }
    }

    /// The row of a peer.
    pub(crate) fn row(&mut self, peer: &PeerFacts<'p>) -> u32 {
        let around = peer.network.map(|network| self.blocks.around(network));
        let traits = Traits {
            kind: peer.kind,
            is_kube_apiserver: peer.is_kube_apiserver,
            namespace: peer.namespace,
            labels: peer.labels,
            namespace_labels: peer.namespace_labels,
            names: peer.names,
            block: around.as_ref().and_then(|around| around.first().copied()),
        };
        if let Some(&row) = self.row_of.get(&traits) {
            return row;
        }
        let around = around.unwrap_or_default();
        let mut signature = vec![0; self.numbering.words()];
        self.questions.answer(peer, &around, |bit| {
            if let Some(word) = signature.get_mut(bit / WORD_BITS) {
                *word |= 1_u64 << (bit % WORD_BITS);
            }
        });
        let row = self.numbering.row(&signature);
        self.row_of.insert(traits, row);
        row
    }

    /// Says which rows are used, whoever was looked at.
    pub(crate) fn are_used(&mut self, rows: impl IntoIterator<Item = u32>) {
        self.numbering.are_used(rows);
    }

    pub(crate) fn finish(self) -> Signatures {
        self.numbering.finish()
    }
}
