//! From the tables before to the next, where policies ask something else about the same peers: only the
//! bits that ask something else are asked again.

use std::collections::BTreeMap;

use polc_abi::{key::Address, node::Peer};
use polc_inventory::Inventory;
use polc_model::{Model, PeerFacts, SelectorExpr};
use polc_plan::layout::WORD_BITS;

use crate::{
    Before, Placement, Signatures, address_bytes, blocks::Blocks, party, prefix_key, prefixes,
    questions::Questions, signatures::Numbering,
};

/// Peers with addresses and prefixes, as the tables hold them.
pub(crate) struct Reasked {
    pub(crate) signatures: Signatures,
    pub(crate) addresses: Vec<(Address, Peer)>,
    pub(crate) prefixes: Vec<(polc_abi::node::PrefixKey, Peer)>,
}

/// Asks again. `None` where everything is better computed as a whole: there are other peers, other
/// blocks, or too many changes.
pub(crate) fn reask(
    before: Before<'_>,
    model: &Model,
    inventory: &Inventory,
    placement: &Placement,
) -> Option<Reasked> {
    let tables = before.tables;
    let blocks = prefixes(model, placement);
    if !before.has_peers_of(model, inventory) || blocks != prefixes(before.model, &tables.placement)
    {
        return None;
    }
    let changed = changed(
        &asked(before.model, &tables.placement),
        &asked(model, placement),
    )?;
    let mut rows = Rows {
        questions: Questions::default(),
        blocks: Blocks::new(&blocks),
        before: &tables.signatures,
        bits: Vec::with_capacity(changed.len()),
        row_of: BTreeMap::new(),
        numbering: Numbering::after(Some(&tables.signatures), placement.words()),
    };
    for (position, (bit, selector)) in changed.into_iter().enumerate() {
        rows.bits.push(bit);
        if let Some(selector) = selector {
            rows.questions.ask(position, selector);
        }
    }
    let mut addresses = tables.addresses.clone();
    for party in party::all(inventory) {
        for &address in party.addresses() {
            let key = address_bytes(address);
            let position = addresses.binary_search_by_key(&key, |(known, _)| *known);
            let (_, peer) = addresses.get_mut(position.ok()?)?;
            peer.row = rows.row(peer.row, &party.facts(inventory, address))?;
        }
    }
    let mut prefixes = tables.prefixes.clone();
    for ((key, peer), &block) in prefixes.iter_mut().zip(&blocks) {
        if *key != prefix_key(block) {
            return None;
        }
        peer.row = rows.row(peer.row, &party::outside(block))?;
    }
    Some(Reasked {
        signatures: rows.numbering.finish(),
        addresses,
        prefixes,
    })
}

/// What each bit asks, in order of bit.
fn asked<'m>(model: &'m Model, placement: &Placement) -> Vec<(usize, Option<&'m SelectorExpr>)> {
    let bits = placement.selectors();
    let mut asked: Vec<_> = bits
        .map(|(bit, id)| (bit, model.selector(id).map(|selector| &selector.expr)))
        .collect();
    asked.sort_unstable_by_key(|(bit, _)| *bit);
    asked
}

/// The bits that ask something else, and what they ask now. `None` where there are too many of them.
fn changed<'m>(
    before: &[(usize, Option<&SelectorExpr>)],
    after: &[(usize, Option<&'m SelectorExpr>)],
) -> Option<Vec<(usize, Option<&'m SelectorExpr>)>> {
    let mut changed = Vec::new();
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let next = [
            before.peek().map(|one| one.0),
            after.peek().map(|one| one.0),
        ];
        let Some(bit) = next.into_iter().flatten().min() else {
            return Some(changed);
        };
        let was = before.next_if(|one| one.0 == bit).and_then(|one| one.1);
        let is = after.next_if(|one| one.0 == bit).and_then(|one| one.1);
        if was != is {
            // A row is found by the bits that are set, in one word.
            if changed.len() == WORD_BITS {
                return None;
            }
            changed.push((bit, is));
        }
    }
}

/// Rows of before, with other bits.
struct Rows<'a> {
    /// What the bits that change ask, by their position in `bits`.
    questions: Questions<'a>,
    blocks: Blocks<'a>,
    before: &'a Signatures,
    /// The bits that change.
    bits: Vec<usize>,
    /// By the row before, and which of the bits are set.
    row_of: BTreeMap<(u32, u64), u32>,
    numbering: Numbering,
}

impl Rows<'_> {
    /// The row of a peer that had this one. `None` where there is no such row.
    fn row(&mut self, before: u32, peer: &PeerFacts<'_>) -> Option<u32> {
        let around = peer.network.map(|network| self.blocks.around(network));
        let mut set = 0_u64;
        self.questions
            .answer(peer, &around.unwrap_or_default(), |position| {
                set |= 1 << position;
            });
        if let Some(&row) = self.row_of.get(&(before, set)) {
            return Some(row);
        }
        let mut signature = self.before.row(before)?.to_vec();
        signature.resize(self.numbering.words(), 0);
        for (position, bit) in self.bits.iter().enumerate() {
            if let Some(word) = signature.get_mut(bit / WORD_BITS) {
                let mask = 1_u64 << (bit % WORD_BITS);
                *word = if set >> position & 1 == 1 {
                    *word | mask
                } else {
                    *word & !mask
                };
            }
        }
        let row = self.numbering.row(&signature);
        self.row_of.insert((before, set), row);
        Some(row)
    }
}
