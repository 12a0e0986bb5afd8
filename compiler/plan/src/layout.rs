//! Which selector is which bit of a peer's signature, and which named port which bit of the names.

use std::collections::BTreeMap;

use polc_model::{Entity, Model, NamedPorts, PortProtocol, SelectorExpr, SelectorId};
use serde::{Deserialize, Serialize};

use crate::names::{self, NameId, PortName};

/// Selectors in blocks of 64. Programs name a block and a bit; a node gives each block that its
/// programs use a word of its signatures, and patches the programs accordingly.
///
/// The first blocks hold each selector once, for programs that test them. Blocks behind them belong
/// to one class each, see [`Bitmap`](crate::Bitmap), and may hold a selector again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The selectors of each block, by bit.
    pub blocks: Vec<Vec<SelectorId>>,
    /// The named ports that rules ask for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<PortName>,
}

/// Selectors of one block.
pub const BLOCK_BITS: usize = 64;

/// Where a selector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bit {
    /// Index into [`Layout::blocks`].
    pub block: u32,
    /// Bit inside the block, 0 to 63.
    pub bit: u32,
}

impl Layout {
    /// Gives a bit to every selector that a rule's peer needs one for, and to every named port. Rules
    /// come in order of policy, so what is tested together lies together.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let mut selectors: Vec<SelectorId> = Vec::new();
        let mut seen = vec![false; model.selectors.len()];
        for rule in &model.rules {
            let Some(selector) = model.selector(rule.peer) else {
                continue;
            };
            if constant(&selector.expr).is_some() {
                continue;
            }
            if let Some(seen) = seen.get_mut(rule.peer.index())
                && !std::mem::replace(seen, true)
            {
                selectors.push(rule.peer);
            }
        }
        Self {
            blocks: selectors.chunks(BLOCK_BITS).map(<[_]>::to_vec).collect(),
            names: names::of(model),
        }
    }

    /// The id of a named port. `None` where no rule asks for it.
    #[must_use]
    pub fn name(&self, protocol: PortProtocol, name: &str) -> Option<NameId> {
        names::find(&self.names, protocol, name)
    }

    /// Those of somebody's named ports that rules ask for: protocol, port and id.
    pub fn names_of<'p>(
        &'p self,
        ports: &'p NamedPorts,
    ) -> impl Iterator<Item = (PortProtocol, u16, NameId)> + 'p {
        names::asked_for(&self.names, ports)
    }

    /// The first of consecutive blocks that hold just these selectors, in order: added unless there
    /// are such blocks already. Both directions of a policy often ask for the same peers, and each
    /// block is a word of every signature.
    pub(crate) fn append(&mut self, selectors: impl Iterator<Item = SelectorId>) -> u32 {
        let selectors: Vec<SelectorId> = selectors.collect();
        let blocks: Vec<&[SelectorId]> = selectors.chunks(BLOCK_BITS).collect();
        let known = (0..self.blocks.len()).find(|&first| {
            let known = self.blocks.iter().skip(first).take(blocks.len());
            known.len() == blocks.len() && known.eq(blocks.iter().copied())
        });
        let first = known.unwrap_or_else(|| {
            let first = self.blocks.len();
            self.blocks.extend(blocks.into_iter().map(<[_]>::to_vec));
            first
        });
        u32::try_from(first).unwrap_or(u32::MAX)
    }

    /// The bit of each selector that has one; of several, the first.
    #[must_use]
    pub fn bits(&self) -> BTreeMap<SelectorId, Bit> {
        let mut bits = BTreeMap::new();
        for (block, selectors) in (0..).zip(&self.blocks) {
            for (bit, selector) in (0..).zip(selectors) {
                bits.entry(*selector).or_insert(Bit { block, bit });
            }
        }
        bits
    }
}

/// Whether an expression holds for every peer or for none, where that is plain to see. Such
/// selectors need no bit.
#[must_use]
pub fn constant(expr: &SelectorExpr) -> Option<bool> {
    match expr {
        SelectorExpr::Entity(Entity::All) => Some(true),
        SelectorExpr::Entity(Entity::None) => Some(false),
        SelectorExpr::AnyOf(parts) => fold(parts, true),
        SelectorExpr::AllOf(parts) => fold(parts, false),
        SelectorExpr::Minus(base, except) => match (constant(base), constant(except)) {
            (Some(false), _) | (_, Some(true)) => Some(false),
            (base, Some(false)) => base,
            _ => None,
        },
        _ => None,
    }
}

/// A union (`absorbing` is true) or intersection (`absorbing` is false) of constants.
fn fold(parts: &[SelectorExpr], absorbing: bool) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match constant(part) {
            Some(value) if value == absorbing => return Some(absorbing),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!absorbing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_hold_the_same_selectors_are_kept_once() {
        let mut layout = Layout::default();
        let ids = |range: std::ops::Range<usize>| range.map(SelectorId::new);
        assert_eq!(layout.append(ids(0..10)), 0);
        assert_eq!(layout.append(ids(100..200)), 1);
        assert_eq!(layout.append(ids(0..10)), 0);
        assert_eq!(layout.append(ids(100..200)), 1);
        // Columns end with their last block, and begin with their first.
        assert_eq!(layout.append(ids(100..164)), 1);
        assert_eq!(layout.append(ids(100..165)), 3);
        assert_eq!(layout.blocks.len(), 5);
    }

    #[test]
    fn constants_are_found_through_set_operations() {
        let all = SelectorExpr::ALL;
        let none = SelectorExpr::Entity(Entity::None);
        let world = SelectorExpr::Entity(Entity::World);
        let minus = |one: &SelectorExpr, other: &SelectorExpr| {
            SelectorExpr::Minus(Box::new(one.clone()), Box::new(other.clone()))
        };
        assert_eq!(
            constant(&SelectorExpr::AnyOf(vec![world.clone(), all.clone()])),
            Some(true)
        );
        assert_eq!(
            constant(&SelectorExpr::AllOf(vec![world.clone(), none.clone()])),
            Some(false)
        );
        assert_eq!(constant(&SelectorExpr::AnyOf(Vec::new())), Some(false));
        assert_eq!(constant(&minus(&all, &none)), Some(true));
        assert_eq!(constant(&minus(&world, &all)), Some(false));
        assert_eq!(constant(&minus(&all, &world)), None);
    }
}
