//! Which selector is which bit of a peer's signature, and which named port which bit of the names.

use std::collections::BTreeMap;

use polc_model::{Entity, Model, NamedPorts, PortProtocol, SelectorExpr, SelectorId};
use serde::{Deserialize, Serialize};

use crate::names::{self, NameId, PortName};

/// Selectors in blocks of 64. Programs name a block and a bit; a node gives each block that its
/// programs use a word of its signatures, and patches the programs accordingly.
///
/// The first blocks hold each selector once, for programs that test them. What is behind them may
/// hold a selector again, where a class needs its selectors in another order: see
/// [`Bitmap`](crate::Bitmap).
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

    /// Where these selectors have consecutive bits, in order: bits that are so already, or new
    /// ones. Few of them share a block with those of other classes, because each block is a word of
    /// every signature, and a node has no more than 64 of them.
    pub(crate) fn append(&mut self, selectors: &[SelectorId]) -> Bit {
        if selectors.is_empty() {
            return Bit { block: 0, bit: 0 };
        }
        if let Some(known) = self.find(selectors) {
            return known;
        }
        let bit = |block: usize, bit: usize| Bit {
            block: u32::try_from(block).unwrap_or(u32::MAX),
            bit: u32::try_from(bit).unwrap_or(u32::MAX),
        };
        let last = self.blocks.len().wrapping_sub(1);
        if let Some(block) = self.blocks.last_mut()
            && block.len() + selectors.len() <= BLOCK_BITS
        {
            let first = bit(last, block.len());
            block.extend(selectors);
            return first;
        }
        let first = bit(self.blocks.len(), 0);
        self.blocks
            .extend(selectors.chunks(BLOCK_BITS).map(<[_]>::to_vec));
        first
    }

    /// The first place where these selectors have consecutive bits, in order.
    fn find(&self, selectors: &[SelectorId]) -> Option<Bit> {
        let first = selectors.first()?;
        for (block, known) in (0..).zip(&self.blocks) {
            let starts = (0..).zip(known).filter(|(_, known)| *known == first);
            for (bit, _) in starts {
                let place = Bit { block, bit };
                if self.run(place).take(selectors.len()).eq(selectors) {
                    return Some(place);
                }
            }
        }
        None
    }

    /// The selectors of consecutive bits from this one on, up to the next bit that stands for none.
    pub(crate) fn run(&self, first: Bit) -> impl Iterator<Item = &SelectorId> {
        let blocks = self.blocks.get(first.block as usize..).unwrap_or_default();
        let full = blocks
            .iter()
            .take_while(|block| block.len() == BLOCK_BITS)
            .count();
        blocks
            .iter()
            .take(full + 1)
            .flatten()
            .skip(first.bit as usize)
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
    fn bits_are_packed_and_found_again() {
        let mut layout = Layout::default();
        let at = |block, bit| Bit { block, bit };
        let mut append = |range: std::ops::Range<usize>| {
            let ids: Vec<SelectorId> = range.map(SelectorId::new).collect();
            layout.append(&ids)
        };
        assert_eq!(append(0..10), at(0, 0));
        assert_eq!(append(20..60), at(0, 10));
        // 14 bits are left.
        assert_eq!(append(70..85), at(1, 0));
        assert_eq!(append(100..200), at(2, 0));
        for _ in 0..2 {
            assert_eq!(append(5..10), at(0, 5));
            assert_eq!(append(160..170), at(2, 60));
            assert_eq!(append(199..200), at(3, 35));
        }
        // Nothing is behind the last bit of a block that is not full.
        assert_eq!(append(84..85), at(1, 14));
        assert_eq!(append(84..102), at(3, 36));
        assert_eq!(append(0..0), at(0, 0));
        assert_eq!(layout.blocks.len(), 4);
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
