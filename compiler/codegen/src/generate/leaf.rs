//! Leaves as code: tests of bits of the signature and of the port's names, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use polc_abi::policy::offset;
use polc_plan::{Leaf, NameId, Step, Then};

use super::{Generator, INPUT, Loads, at};
use crate::{
    asm::{Label, Width},
    insn::Register,
    program::Target,
};

/// Bits tested with one load.
const HALF_BITS: u32 = 32;
const HALF_BYTES: u32 = HALF_BITS / 8;
/// A run of at least this many tests of one half word first asks whether any can succeed.
const RUN_WORTH_ASKING: usize = 3;

const WORD: Register = Register::R2;
const POINTER: Register = Register::R3;

/// Half a word of a block: the block, and which of its half words.
type Half = (u32, u32);

/// A leaf that needs code, and where it begins.
pub(super) type Tested<'l> = (Label, &'l Leaf);

impl Generator<'_> {
    /// A label for each leaf, and the leaves that need code: where a leaf has no test at all, the
    /// label is that of its outcome. `None` when the plan is not valid.
    pub(super) fn leaf_labels<'l>(
        &mut self,
        leaves: &'l [Leaf],
    ) -> Option<(Vec<Label>, Vec<Tested<'l>>)> {
        let mut labels = Vec::with_capacity(leaves.len());
        let mut tested = Vec::new();
        for leaf in leaves {
            let label = match leaf.steps.first()? {
                Step {
                    when: None,
                    named: None,
                    then: Then::Decide(decision),
                } => self.outcome(*decision),
                _ => {
                    let label = self.asm.label();
                    tested.push((label, leaf));
                    label
                }
            };
            labels.push(label);
        }
        Some((labels, tested))
    }

    /// `None` when the plan is not valid.
    pub(super) fn leaf(&mut self, leaf: &Leaf) -> Option<()> {
        let targets: BTreeMap<usize, Label> = leaf
            .steps
            .iter()
            .filter_map(|step| match step.then {
                Then::SkipTo(target) => Some(target),
                Then::Decide(_) => None,
            })
            .collect::<BTreeSet<usize>>()
            .into_iter()
            .map(|target| (target, self.asm.label()))
            .collect();
        let mut index = 0;
        while let Some(step) = leaf.steps.get(index) {
            if let Some(&label) = targets.get(&index) {
                self.asm.place(label);
            }
            let Some(half) = self.half_of(step)? else {
                let label = self.then(step.then, &targets)?;
                match step.named {
                    Some(name) => {
                        self.step_source(step);
                        self.jump_if_named(name, label);
                    }
                    None => self.asm.jump(label),
                }
                index += 1;
                continue;
            };
            // The run of tests of this half word, for ports of one name or of any. A step that
            // something skips to starts afresh, because the word may not have been loaded on that
            // path.
            let mut run = vec![*step];
            while let Some(next) = leaf.steps.get(index + run.len())
                && !targets.contains_key(&(index + run.len()))
                && self.half_of(next)? == Some(half)
                && next.named == step.named
            {
                run.push(*next);
            }
            self.run(half, &run, &targets)?;
            index += run.len();
        }
        Some(())
    }

    /// Jumps if the receiver has this name for the port.
    fn jump_if_named(&mut self, name: NameId, label: Label) {
        self.asm.load(Width::U64, WORD, INPUT, at(offset::NAMES));
        self.asm.load_target(POINTER, Target::Name(name.0));
        self.asm.shift_right_by(WORD, POINTER);
        self.asm.jump_if_any(WORD, 1, label);
    }

    /// Tests of one half word, in order, all of them for the same name.
    fn run(&mut self, half: Half, run: &[Step], targets: &BTreeMap<usize, Label>) -> Option<()> {
        let (block, half) = half;
        let after = self.asm.label();
        let first = run.first()?;
        self.step_source(first);
        if let Some(name) = first.named {
            let tests = self.asm.label();
            self.jump_if_named(name, tests);
            self.asm.jump(after);
            self.asm.place(tests);
        }
        let (width, at) = match self.load_block(POINTER, block)? {
            Loads::Whole(width) => (width, 0),
            Loads::Words => (Width::U32, i16::try_from(half * HALF_BYTES).ok()?),
        };
        self.asm.load(width, WORD, POINTER, at);
        if run.len() >= RUN_WORTH_ASKING {
            let mut any = 0;
            for step in run {
                any |= self.mask_of(step)?;
            }
            let tests = self.asm.label();
            self.asm.jump_if_any(WORD, any, tests);
            self.asm.jump(after);
            self.asm.place(tests);
        }
        for step in run {
            self.step_source(step);
            let mask = self.mask_of(step)?;
            let label = self.then(step.then, targets)?;
            self.asm.jump_if_any(WORD, mask, label);
        }
        self.asm.place(after);
        Some(())
    }

    fn then(&mut self, then: Then, targets: &BTreeMap<usize, Label>) -> Option<Label> {
        match then {
            Then::SkipTo(target) => targets.get(&target).copied(),
            Then::Decide(decision) => Some(self.outcome(decision)),
        }
    }

    /// `Some(None)` for a step without a condition.
    fn half_of(&self, step: &Step) -> Option<Option<Half>> {
        match step.when {
            None => Some(None),
            Some(selector) => {
                let bit = self.bits.get(&selector)?;
                Some(Some((bit.block, bit.bit / HALF_BITS)))
            }
        }
    }

    fn mask_of(&self, step: &Step) -> Option<u32> {
        Some(1 << (self.bits.get(&step.when?)?.bit % HALF_BITS))
    }
}
