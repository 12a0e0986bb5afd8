//! What the bits of a signature ask, found by what a peer is: its labels, its namespace, the blocks
//! around its address. A peer satisfies few of a node's selectors, so that almost all of them are
//! answered by not being looked at.
//!
//! A selector is a union of questions. Each has *clues*: of a peer that satisfies it, at least one
//! of them is true. Only questions that a peer gives a clue for are asked.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use polc_model::{LabelOperator, PeerFacts, SelectorExpr};

/// Something about a peer that is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Clue<'a> {
    /// This block is around its address.
    Block(IpNet),
    /// It has this label with this value.
    Label(&'a str, &'a str),
    /// It has this label.
    LabelKey(&'a str),
    /// It is in this namespace.
    Namespace(&'a str),
    /// Its namespace has this label with this value.
    NamespaceLabel(&'a str, &'a str),
    /// Its namespace has this label.
    NamespaceLabelKey(&'a str),
}

/// The questions of a node's signatures.
#[derive(Default)]
pub(crate) struct Questions<'a> {
    all: Vec<(usize, Question<'a>)>,
    /// Positions of the questions that a clue leads to.
    by_clue: BTreeMap<Clue<'a>, Vec<usize>>,
    /// Positions of the questions that every peer is asked.
    always: Vec<usize>,
}

impl<'a> Questions<'a> {
    /// Lets a bit stand for a selector.
    pub(crate) fn ask(&mut self, bit: usize, selector: &'a SelectorExpr) {
        if let SelectorExpr::AnyOf(parts) = selector {
            for part in parts {
                self.ask(bit, part);
            }
            return;
        }
        let position = self.all.len();
        self.all.push((bit, Question::of(selector)));
        match clues(selector) {
            None => self.always.push(position),
            Some(clues) => {
                for clue in clues {
                    self.by_clue.entry(clue).or_default().push(position);
                }
            }
        }
    }

    /// Calls `holds` with every bit whose selector the peer satisfies, some of them more than once.
    /// `around` are all blocks that selectors mention around the peer's address.
    pub(crate) fn answer(
        &self,
        peer: &PeerFacts<'_>,
        around: &[IpNet],
        mut holds: impl FnMut(usize),
    ) {
        let labels = peer.labels.iter();
        let labels = labels.flat_map(|(key, value)| [Clue::Label(key, value), Clue::LabelKey(key)]);
        let of_namespace = peer.namespace_labels.iter().flat_map(|(key, value)| {
            [
                Clue::NamespaceLabel(key, value),
                Clue::NamespaceLabelKey(key),
            ]
        });
        let blocks = around.iter().copied().map(Clue::Block);
        let found = blocks
            .chain(labels)
            .chain(of_namespace)
            .chain(peer.namespace.map(Clue::Namespace))
            .filter_map(|clue| self.by_clue.get(&clue))
            .chain([&self.always])
            .flatten();
        for (bit, question) in found.filter_map(|&position| self.all.get(position)) {
            if question.holds(peer, around) {
                holds(*bit);
            }
        }
    }
}

/// Clues of which a peer gives at least one if it satisfies the selector. `None` where there may be
/// none.
fn clues(selector: &SelectorExpr) -> Option<BTreeSet<Clue<'_>>> {
    match selector {
        SelectorExpr::Cidr(block) => Some([Clue::Block(block.trunc())].into()),
        SelectorExpr::Namespace(name) => Some([Clue::Namespace(name)].into()),
        // A label of an endpoint or of a node: which, the question asks.
        SelectorExpr::Label { key, operator } | SelectorExpr::NodeLabel { key, operator } => {
            match operator {
                LabelOperator::In(values) => {
                    Some(values.iter().map(|value| Clue::Label(key, value)).collect())
                }
                LabelOperator::Exists => Some([Clue::LabelKey(key)].into()),
                LabelOperator::NotIn(_) | LabelOperator::Absent => None,
            }
        }
        SelectorExpr::NamespaceLabel { key, operator } => match operator {
            LabelOperator::In(values) => {
                let clue = |value| Clue::NamespaceLabel(key, value);
                Some(values.iter().map(|value| clue(value)).collect())
            }
            LabelOperator::Exists => Some([Clue::NamespaceLabelKey(key)].into()),
            LabelOperator::NotIn(_) | LabelOperator::Absent => None,
        },
        SelectorExpr::Entity(_) | SelectorExpr::Dns(_) => None,
        SelectorExpr::AnyOf(parts) => {
            let mut all = BTreeSet::new();
            for part in parts {
                all.append(&mut clues(part)?);
            }
            Some(all)
        }
        // Those of any part would do.
        SelectorExpr::AllOf(parts) => parts.iter().filter_map(clues).min_by_key(BTreeSet::len),
        SelectorExpr::Minus(base, _) => clues(base),
    }
}

/// A selector, with long lists of blocks as sets.
enum Question<'a> {
    Blocks(BTreeSet<IpNet>),
    Except(Box<Question<'a>>, Box<Question<'a>>),
    Expr(&'a SelectorExpr),
}

impl<'a> Question<'a> {
    fn of(expr: &'a SelectorExpr) -> Self {
        match expr {
            SelectorExpr::Minus(base, except) => {
                Self::Except(Box::new(Self::of(base)), Box::new(Self::of(except)))
            }
            _ => blocks_of(expr).map_or(Self::Expr(expr), Self::Blocks),
        }
    }

    fn holds(&self, peer: &PeerFacts<'_>, around: &[IpNet]) -> bool {
        match self {
            Self::Blocks(blocks) => around.iter().any(|block| blocks.contains(block)),
            Self::Except(base, except) => base.holds(peer, around) && !except.holds(peer, around),
            Self::Expr(expr) => expr.matches(peer),
        }
    }
}

/// The blocks of a union of blocks.
fn blocks_of(expr: &SelectorExpr) -> Option<BTreeSet<IpNet>> {
    match expr {
        SelectorExpr::Cidr(block) => Some([block.trunc()].into()),
        SelectorExpr::AnyOf(parts) => {
            let mut blocks = BTreeSet::new();
            for part in parts {
                blocks.append(&mut blocks_of(part)?);
            }
            Some(blocks)
        }
        _ => None,
    }
}
