//! Where a node keeps what its programs ask about: which bytes of a signature are a class's block of
//! selectors, and which bit of a port's names is a name.
//!
//! Programs of several classes that ask about the same selectors, in the same order, share the bytes.
//! What a placement before held stays where it was, so that programs that are loaded already remain
//! right: the same selectors, whatever their ids are now.

use std::collections::{BTreeMap, BTreeSet};

use polc_abi::policy::{MAX_PORT_NAMES, MAX_SIGNATURE_BYTES};
use polc_model::{Model, SelectorExpr};
use polc_plan::{Block, ClassPlan, Layout, NameBit, PortName};

use crate::limits::TablesError;

/// Bytes of a word of a signature, beyond which nothing is aligned.
const WORD: usize = size_of::<u64>();

/// Where the blocks and names of a node's classes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The first byte of each block.
    blocks: BTreeMap<Block, usize>,
    names: BTreeMap<PortName, NameBit>,
    /// Bytes of a signature.
    bytes: usize,
}

impl Placement {
    /// Places what these classes ask about.
    ///
    /// # Errors
    /// More than a signature or a word of names holds.
    pub fn of<'c>(classes: impl IntoIterator<Item = &'c ClassPlan>) -> Result<Self, TablesError> {
        Self::after(None, &Model::default(), classes)
    }

    /// As [`Self::of`], where a placement was before, of another Model; unless that leaves no room.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn after<'c>(
        before: Option<(&Model, &Self)>,
        model: &Model,
        classes: impl IntoIterator<Item = &'c ClassPlan>,
    ) -> Result<Self, TablesError> {
        let (mut blocks, mut names) = (BTreeSet::new(), BTreeSet::new());
        for layout in classes.into_iter().map(|class| &class.layout) {
            blocks.extend(&layout.blocks);
            names.extend(&layout.names);
        }
        let kept = before.map(|(before_model, before)| before.places(before_model));
        let kept_blocks = kept.unwrap_or_default();
        let known = |block: &Block| kept_blocks.get(&meaning(model, block)).copied();
        let (placed, bytes) = match place(&blocks, known) {
            (_, bytes) if bytes > MAX_SIGNATURE_BYTES => place(&blocks, |_| None),
            placed => placed,
        };
        if bytes > MAX_SIGNATURE_BYTES {
            return Err(TablesError::Selectors(bytes));
        }
        if names.len() > MAX_PORT_NAMES {
            return Err(TablesError::Names(names.len()));
        }
        Ok(Self {
            blocks: placed,
            names: number(&names, before.map(|(_, before)| &before.names)),
            bytes,
        })
    }

    /// The first byte of a class's block inside a signature.
    #[must_use]
    pub fn byte_of(&self, layout: &Layout, block: u32) -> Option<usize> {
        self.blocks.get(layout.block(block)?).copied()
    }

    /// The bit of a class's name.
    #[must_use]
    pub fn bit_of(&self, layout: &Layout, name: u32) -> Option<NameBit> {
        self.names.get(layout.names.get(name as usize)?).copied()
    }

    /// The bits of names, in order of name.
    #[must_use]
    pub const fn names(&self) -> &BTreeMap<PortName, NameBit> {
        &self.names
    }

    /// Words of a signature; at least one, because an array's values are never empty.
    #[must_use]
    pub const fn words(&self) -> usize {
        let words = self.bytes.div_ceil(WORD);
        if words == 0 { 1 } else { words }
    }

    /// The selector of each bit, counted from the start of a signature.
    pub fn selectors(&self) -> impl Iterator<Item = (usize, polc_model::SelectorId)> {
        self.blocks
            .iter()
            .flat_map(|(block, &byte)| (byte * 8..).zip(block.0.iter().copied()))
    }

    /// Whether every bit asks what it asks in another placement, of another Model.
    pub(crate) fn asks_the_same(&self, model: &Model, other: &Self, other_model: &Model) -> bool {
        self.bytes == other.bytes
            && self.names == other.names
            && self.places(model) == other.places(other_model)
    }

    /// Where blocks are, by what they ask.
    fn places<'m>(&self, model: &'m Model) -> BTreeMap<Vec<Option<&'m SelectorExpr>>, usize> {
        let blocks = self.blocks.iter();
        blocks
            .map(|(block, &byte)| (meaning(model, block), byte))
            .collect()
    }
}

/// What a block asks.
fn meaning<'m>(model: &'m Model, block: &Block) -> Vec<Option<&'m SelectorExpr>> {
    let selectors = block.0.iter();
    selectors
        .map(|&id| model.selector(id).map(|selector| &selector.expr))
        .collect()
}

/// Places blocks, the widest first, each where it is known to be, or else at the first free place; and
/// how long signatures become. Blocks of whole words come before smaller ones, so that nothing is lost
/// between them.
fn place(
    blocks: &BTreeSet<&Block>,
    known: impl Fn(&Block) -> Option<usize>,
) -> (BTreeMap<Block, usize>, usize) {
    let mut placed = BTreeMap::new();
    let mut taken = Taken::default();
    let mut rest = Vec::new();
    for &block in blocks {
        match known(block).filter(|&byte| taken.is_free(byte, block.bytes())) {
            Some(byte) => {
                taken.take(byte, block.bytes());
                placed.insert(block.clone(), byte);
            }
            None => rest.push(block),
        }
    }
    rest.sort_by_key(|block| std::cmp::Reverse(block.bytes()));
    // What did not fit at a place does not fit there later: blocks get no wider.
    let mut from = 0;
    let mut width = usize::MAX;
    for block in rest {
        let step = block.bytes().min(WORD);
        if block.bytes() < width {
            width = block.bytes();
            from = 0;
        }
        let mut byte = from;
        while !taken.is_free(byte, block.bytes()) {
            byte += step;
        }
        taken.take(byte, block.bytes());
        from = byte + step;
        placed.insert(block.clone(), byte);
    }
    (placed, taken.0.len())
}

/// Which bytes of a signature are taken.
#[derive(Default)]
struct Taken(Vec<bool>);

impl Taken {
    fn is_free(&self, from: usize, bytes: usize) -> bool {
        let taken = self.0.iter().skip(from).take(bytes);
        !taken.copied().any(|taken| taken)
    }

    fn take(&mut self, from: usize, bytes: usize) {
        if self.0.len() < from + bytes {
            self.0.resize(from + bytes, false);
        }
        for taken in self.0.iter_mut().skip(from).take(bytes) {
            *taken = true;
        }
    }
}

/// Gives each name a bit: the one it had, or the first that no name has.
fn number(
    names: &BTreeSet<&PortName>,
    before: Option<&BTreeMap<PortName, NameBit>>,
) -> BTreeMap<PortName, NameBit> {
    let had = |name: &PortName| before?.get(name).copied();
    let mut numbered: BTreeMap<PortName, NameBit> = names
        .iter()
        .filter_map(|&name| Some((name.clone(), had(name)?)))
        .collect();
    let taken: BTreeSet<NameBit> = numbered.values().copied().collect();
    let mut free = (0..).map(NameBit).filter(|bit| !taken.contains(bit));
    for &name in names {
        if !numbered.contains_key(name)
            && let Some(bit) = free.next()
        {
            numbered.insert(name.clone(), bit);
        }
    }
    numbered
}

#[cfg(test)]
mod tests {
    use polc_model::{Direction, Phase, Selector, SelectorId};
    use polc_plan::{Choice, ClassKey};

    use super::*;

    /// A class that asks about these blocks and names.
    fn class(blocks: &[Vec<usize>], names: &[&str]) -> ClassPlan {
        let key = ClassKey {
            direction: Direction::Ingress,
            phase: Phase::Ready,
            policies: Vec::new(),
        };
        let mut class = polc_plan::class::plan(&Model::default(), key, Choice::Cheapest);
        class.layout = Layout {
            blocks: blocks.iter().map(|ids| block(ids)).collect(),
            names: names.iter().map(|name| port_name(name)).collect(),
        };
        class
    }

    fn block(ids: &[usize]) -> Block {
        Block(ids.iter().copied().map(SelectorId::new).collect())
    }

    fn port_name(name: &str) -> PortName {
        PortName {
            protocol: polc_model::PortProtocol::Tcp,
            name: name.to_owned(),
        }
    }

    /// Selectors for namespaces of these names.
    fn model(names: &[&str]) -> Model {
        let selector = |name: &&str| Selector {
            expr: SelectorExpr::Namespace((*name).to_owned()),
            text: String::new(),
        };
        Model {
            selectors: names.iter().map(selector).collect(),
            ..Model::default()
        }
    }

    #[test]
    fn blocks_lie_side_by_side_and_equal_ones_are_one() {
        let ids = |count: usize| (0..count).collect::<Vec<_>>();
        let classes = [
            class(&[ids(1), ids(70), ids(17)], &[]),
            class(&[ids(2), ids(12), ids(1)], &[]),
        ];
        let placed = Placement::of(&classes).unwrap();
        let [one, other] = [&classes[0].layout, &classes[1].layout];
        let at = |layout, block| placed.byte_of(layout, block).unwrap();
        assert_eq!([at(one, 1), at(one, 2), at(other, 1)], [0, 16, 20]);
        assert_eq!([at(one, 0), at(other, 0)], [22, 23]);
        assert_eq!(at(one, 0), at(other, 2), "the same block of another class");
        assert_eq!(placed.words(), 3);
        assert_eq!(Placement::of([]).unwrap().words(), 1);
    }

    #[test]
    fn what_was_placed_stays_there() {
        let before_model = model(&["a", "b", "c"]);
        let before =
            Placement::of(&[class(&[vec![0], vec![1], vec![2]], &["http", "dns"])]).unwrap();
        // Another Model, in which the same selectors have other ids; `a` is gone, others are new.
        let model = model(&["x", "c", "b", "y", "z"]);
        let after = class(
            &[vec![0], vec![1], vec![2], vec![3]],
            &["dns", "api", "tls"],
        );
        let placed = Placement::after(Some((&before_model, &before)), &model, [&after]).unwrap();
        let at = |block| placed.byte_of(&after.layout, block).unwrap();
        assert_eq!([at(1), at(2)], [2, 1]);
        assert_eq!([at(0), at(3)], [0, 3]);
        let bit = |name| placed.bit_of(&after.layout, name).unwrap();
        assert_eq!(
            bit(0),
            before.bit_of(&class(&[], &["dns"]).layout, 0).unwrap()
        );
        let bits: BTreeSet<NameBit> = (0..3).map(bit).collect();
        assert_eq!(bits.len(), 3);
    }

    #[test]
    fn what_was_placed_moves_where_there_is_no_room() {
        let many = |from: usize| (from..from + 4_096).map(|id| vec![id]).collect::<Vec<_>>();
        let names: Vec<String> = (0..4_200).map(|id| id.to_string()).collect();
        let model = model(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let before = Placement::of(&[class(&many(0), &[])]).unwrap();
        assert_eq!(before.words() * 8, MAX_SIGNATURE_BYTES);
        // Eight bytes are free, but not side by side.
        let mut blocks = many(0);
        blocks.drain(100..104);
        blocks.drain(3..7);
        blocks.push((0..64).collect());
        let after = class(&blocks, &[]);
        let placed = Placement::after(Some((&model, &before)), &model, [&after]).unwrap();
        assert_eq!(placed.byte_of(&after.layout, 4_088), Some(0));
        let too_many = class(
            &many(0).into_iter().chain([vec![9, 8]]).collect::<Vec<_>>(),
            &[],
        );
        assert_eq!(
            Placement::of(&[too_many]),
            Err(TablesError::Selectors(4_097))
        );
    }
}
