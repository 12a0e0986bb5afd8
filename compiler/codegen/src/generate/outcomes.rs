//! Where paths end: verdict and decider go into the input.

use std::collections::BTreeMap;

use polc_abi::{policy::offset, verdict};
use polc_model::{Decision, Verdict};
use polc_plan::raw_verdict;

use super::{Generator, INPUT, at};
use crate::{
    asm::{Label, Width},
    insn::Register,
};

const VERDICT: Register = Register::R2;
const DECIDER: Register = Register::R3;

/// The ends of the paths of one scope.
#[derive(Default)]
pub(super) struct Outcomes {
    labels: BTreeMap<Decision, Label>,
    /// Where what an entry of a table says is carried out: see [`Generator::store_entry`].
    stored: Option<Label>,
}

/// Whether any packet may pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    Never,
    Sometimes,
}

impl Generator<'_> {
    /// Where a path ends that is decided so.
    pub(super) fn outcome(&mut self, decision: Decision) -> Label {
        let asm = &mut self.asm;
        let labels = &mut self.outcomes.labels;
        *labels.entry(decision).or_insert_with(|| asm.label())
    }

    /// Carries out the entry that `pointer` points at: verdict and decider, or zero to go on at
    /// `next`.
    pub(super) fn store_entry(&mut self, pointer: Register, next: Label) {
        self.asm.load(Width::U32, VERDICT, pointer, 0);
        self.asm.jump_if_equal(VERDICT, 0, next);
        self.asm.load(Width::U32, DECIDER, pointer, 4);
        let asm = &mut self.asm;
        let stored = *self.outcomes.stored.get_or_insert_with(|| asm.label());
        self.asm.jump(stored);
    }

    /// Places the outcomes of what is enforced. Packets that may pass go on at `allowed`.
    pub(super) fn enforced_outcomes(&mut self, allowed: Label) -> Allowed {
        let Outcomes { labels, stored } = std::mem::take(&mut self.outcomes);
        let mut passes = Allowed::Never;
        for (decision, label) in labels {
            self.asm.place(label);
            self.decision_source(decision.decider);
            let verdict = raw_verdict(self.model, decision);
            self.asm
                .store_u32(INPUT, at(offset::VERDICT), verdict as u32);
            let decider = self.deciders.id(decision.decider).0;
            self.asm.store_u32(INPUT, at(offset::DECIDER), decider);
            self.asm.jump(match decision.verdict {
                Verdict::Allow => {
                    passes = Allowed::Sometimes;
                    allowed
                }
                Verdict::Deny => self.done,
            });
        }
        if let Some(stored) = stored {
            self.asm.place(stored);
            self.class_source();
            self.asm
                .store_register_u32(INPUT, at(offset::VERDICT), VERDICT);
            self.asm
                .store_register_u32(INPUT, at(offset::DECIDER), DECIDER);
            self.asm
                .jump_if_equal(VERDICT, verdict::Verdict::Allow as u32, allowed);
            self.asm.jump(self.done);
            passes = Allowed::Sometimes;
        }
        passes
    }

    /// Places the outcomes of what would be decided.
    pub(super) fn audited_outcomes(&mut self) {
        let Outcomes { labels, stored } = std::mem::take(&mut self.outcomes);
        for (decision, label) in labels {
            self.asm.place(label);
            self.decision_source(decision.decider);
            if decision.verdict == Verdict::Deny {
                let decider = self.deciders.id(decision.decider).0;
                self.asm.store_u32(INPUT, at(offset::AUDIT), decider);
            }
            self.asm.jump(self.done);
        }
        if let Some(stored) = stored {
            self.asm.place(stored);
            self.class_source();
            self.asm
                .jump_if_equal(VERDICT, verdict::Verdict::Allow as u32, self.done);
            self.asm
                .store_register_u32(INPUT, at(offset::AUDIT), DECIDER);
            self.asm.jump(self.done);
        }
    }
}
