//! Finding the interval by comparing: balanced trees.

use polc_abi::policy::offset;
use polc_plan::{Interval, LeafId};

use super::{Generator, INPUT, L4, at, table::LEAF};
use crate::asm::Label;

impl Generator<'_> {
    /// Jumps to the label of the interval's leaf.
    pub(super) fn tree(&mut self, intervals: &[Interval], labels: &[Label]) -> Option<()> {
        let targets: Option<Vec<(u32, Label)>> = intervals
            .iter()
            .map(|interval| Some((interval.first, Self::label_of(labels, interval.leaf)?)))
            .collect();
        self.compare(L4, &targets?)
    }

    /// Jumps to the label of the leaf whose number [`LEAF`] holds.
    pub(super) fn leaf_tree(&mut self, labels: &[Label]) -> Option<()> {
        let targets: Vec<(u32, Label)> = (0..).zip(labels.iter().copied()).collect();
        self.compare(LEAF, &targets)
    }

    /// Leaves the number of the interval's leaf in the input's scratch word, where the verifier
    /// forgets which one it is: else it would walk what follows once for each.
    pub(super) fn row_tree(&mut self, intervals: &[Interval], leaves: usize) -> Option<()> {
        let labels: Vec<Label> = (0..leaves).map(|_| self.asm.label()).collect();
        let after = self.asm.label();
        self.tree(intervals, &labels)?;
        for (LeafId(leaf), label) in (0..).map(LeafId).zip(labels) {
            self.asm.place(label);
            self.asm
                .store_u32(INPUT, at(offset::SCRATCH), u32::try_from(leaf).ok()?);
            self.asm.jump(after);
        }
        self.asm.place(after);
        self.asm
            .load(crate::asm::Width::U32, LEAF, INPUT, at(offset::SCRATCH));
        Some(())
    }

    /// A balanced tree of comparisons with sorted numbers, of which the first is not compared.
    fn compare(&mut self, value: crate::insn::Register, targets: &[(u32, Label)]) -> Option<()> {
        if let [(_, only)] = targets {
            self.asm.jump(*only);
            return Some(());
        }
        let (left, right) = targets.split_at_checked(targets.len() / 2)?;
        let &(first, target) = right.first()?;
        if right.len() == 1 {
            self.asm.jump_if_at_least(value, first, target);
            return self.compare(value, left);
        }
        let right_label = self.asm.label();
        self.asm.jump_if_at_least(value, first, right_label);
        self.compare(value, left)?;
        self.asm.place(right_label);
        self.compare(value, right)
    }
}
