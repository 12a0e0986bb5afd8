//! Generates the program of a policy class.
//!
//! ```text
//! entry     look up the input, once
//! tree      find the port interval by comparing the L4 key: balanced, log2(intervals) deep
//! leaves    load half a signature word, test bits, jump to an outcome
//! outcomes  store verdict and decider
//! done      tail call the continuation; on failure return a drop
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use polc_abi::policy::{CONTINUATION_JUDGED, RETURN_ON_FAILURE, offset};
use polc_model::{Decider, Decision, Model, Origin, Phase, SelectorId};
use polc_plan::{
    Bit, ClassKey, ClassPlan, Interval, Layout, Leaf, LeafId, Step, Then, decider_id, raw_verdict,
};

use crate::{
    asm::{AsmError, Assembler, Label},
    insn::{Register, helper},
    program::{Program, Target},
};

/// The most tests on one path: half of what the verifier walks before it gives up.
const MAX_TESTS: usize = 4096;

/// Bits tested with one load.
const HALF_BITS: u32 = 32;

/// A run of at least this many tests of one half word first asks whether any can succeed.
const RUN_WORTH_ASKING: usize = 3;

/// A class that has no program within the budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodegenError {
    /// The class.
    pub class: ClassKey,
    /// What is too much of.
    pub cause: Cause,
}

/// What a class has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Rules that match one port: this many tests.
    Tests(usize),
    /// Code: a jump spans this many instructions.
    Code(usize),
    /// The plan is not valid.
    Plan,
}

impl fmt::Display for CodegenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = self.class.direction;
        match self.cause {
            Cause::Tests(count) => write!(
                f,
                "{direction}: {count} rules match the same port; at most {MAX_TESTS} fit a program"
            ),
            Cause::Code(_) => {
                write!(
                    f,
                    "{direction}: the policies need more code than fits a program"
                )
            }
            Cause::Plan => write!(f, "{direction}: the plan is not valid"),
        }
    }
}

impl std::error::Error for CodegenError {}

/// Compiles one class. The plan must be valid for the Model.
///
/// # Errors
/// A class that does not fit one program.
pub fn compile(model: &Model, layout: &Layout, class: &ClassPlan) -> Result<Program, CodegenError> {
    let error = |cause| CodegenError {
        class: class.key.clone(),
        cause,
    };
    let tests = |leaf: &Leaf| leaf.steps.iter().filter(|step| step.when.is_some()).count();
    if let Some(tests) = class.leaves.iter().map(tests).max()
        && tests > MAX_TESTS
    {
        return Err(error(Cause::Tests(tests)));
    }
    let bits = layout.bits();
    let mut generator = Generator {
        asm: Assembler::default(),
        model,
        bits: &bits,
        outcomes: BTreeMap::new(),
        leaves: BTreeMap::new(),
    };
    generator.class(class).ok_or_else(|| error(Cause::Plan))?;
    generator
        .asm
        .assemble(function_name(model, &class.key))
        .map_err(|cause| match cause {
            AsmError::JumpTooFar(distance) => error(Cause::Code(distance)),
            AsmError::BadLabel(_) => error(Cause::Plan),
        })
}

/// A C identifier that people recognise: direction and policies.
fn function_name(model: &Model, key: &ClassKey) -> String {
    let mut name = key.direction.name().to_owned();
    if key.phase == Phase::Init {
        name.push_str("_init");
    } else if key.policies.is_empty() {
        name.push_str("_no_policy");
    }
    for &policy in key.policies.iter().take(3) {
        name.push_str("__");
        let policy = model
            .policy(policy)
            .map_or("", |policy| policy.name.as_str());
        name.extend(
            policy
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }),
        );
    }
    if key.policies.len() > 3 {
        name.push_str(&format!("__and_{}_more", key.policies.len() - 3));
    }
    name
}

/// `r6` holds the input for the whole program, `r9` the context. `r1` to `r3` are scratch.
const INPUT: Register = Register::R6;
const CONTEXT: Register = Register::R9;
const L4: Register = Register::R1;
const WORD: Register = Register::R2;
const SCRATCH: Register = Register::R3;

#[expect(
    clippy::cast_possible_truncation,
    reason = "offsets of a 144-byte structure"
)]
const L4_OFFSET: i16 = offset::L4 as i16;
#[expect(
    clippy::cast_possible_truncation,
    reason = "offsets of a 144-byte structure"
)]
const VERDICT_OFFSET: i16 = offset::VERDICT as i16;
#[expect(
    clippy::cast_possible_truncation,
    reason = "offsets of a 144-byte structure"
)]
const DECIDER_OFFSET: i16 = offset::DECIDER as i16;

struct Generator<'a> {
    asm: Assembler,
    model: &'a Model,
    bits: &'a BTreeMap<SelectorId, Bit>,
    outcomes: BTreeMap<Decision, Label>,
    leaves: BTreeMap<LeafId, Label>,
}

/// Half of a block: the block and 0 or 1.
type Half = (u32, u32);

impl Generator<'_> {
    /// `None` when the plan is not valid.
    fn class(&mut self, class: &ClassPlan) -> Option<()> {
        let fail = self.asm.label();
        self.class_source(&class.key);
        self.asm.copy(CONTEXT, Register::R1);
        self.asm.store_u32(Register::R10, -4, 0);
        self.asm.copy(Register::R2, Register::R10);
        self.asm.add(Register::R2, -4);
        self.asm.load_target(Register::R1, Target::InputMap);
        self.asm.call(helper::MAP_LOOKUP);
        self.asm.jump_if_null(Register::R0, fail);
        self.asm.copy(INPUT, Register::R0);
        self.asm.load_u32(L4, INPUT, L4_OFFSET);

        let mut tested: Vec<(Label, &Leaf)> = Vec::new();
        for (id, leaf) in (0..).map(LeafId).zip(&class.leaves) {
            let label = match leaf.steps.first()? {
                // No test at all: the tree jumps straight to the outcome.
                Step {
                    when: None,
                    then: then @ Then::Decide(_),
                } => self.then(*then, &BTreeMap::new())?,
                _ => {
                    let label = self.asm.label();
                    tested.push((label, leaf));
                    label
                }
            };
            self.leaves.insert(id, label);
        }
        self.tree(&class.intervals)?;
        for (label, leaf) in tested {
            self.asm.place(label);
            self.leaf(leaf)?;
        }

        let done = self.asm.label();
        let outcomes = std::mem::take(&mut self.outcomes);
        for (decision, label) in outcomes {
            self.asm.place(label);
            self.decision_source(decision.decider, &class.key);
            let verdict = raw_verdict(self.model, decision);
            self.asm.store_u32(INPUT, VERDICT_OFFSET, verdict as u32);
            self.asm
                .store_u32(INPUT, DECIDER_OFFSET, decider_id(decision.decider).0);
            self.asm.jump(done);
        }

        self.asm.place(done);
        self.class_source(&class.key);
        self.asm.copy(Register::R1, CONTEXT);
        self.asm.load_target(Register::R2, Target::ContinuationsMap);
        self.asm
            .set(Register::R3, CONTINUATION_JUDGED.cast_signed());
        self.asm.call(helper::TAIL_CALL);
        self.asm.place(fail);
        self.asm.set(Register::R0, RETURN_ON_FAILURE);
        self.asm.exit();
        Some(())
    }

    /// A balanced tree of comparisons. Each interval ends in a jump to its leaf.
    fn tree(&mut self, intervals: &[Interval]) -> Option<()> {
        if let [only] = intervals {
            self.asm.jump(*self.leaves.get(&only.leaf)?);
            return Some(());
        }
        let (left, right) = intervals.split_at_checked(intervals.len() / 2)?;
        let first = right.first()?;
        if right.len() == 1 {
            let leaf = *self.leaves.get(&first.leaf)?;
            self.asm.jump_if_at_least(L4, first.first, leaf);
            return self.tree(left);
        }
        let right_label = self.asm.label();
        self.asm.jump_if_at_least(L4, first.first, right_label);
        self.tree(left)?;
        self.asm.place(right_label);
        self.tree(right)
    }

    fn leaf(&mut self, leaf: &Leaf) -> Option<()> {
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
                self.asm.jump(label);
                index += 1;
                continue;
            };
            // The run of tests of this half word. A step that something skips to starts afresh,
            // because the word may not have been loaded on that path.
            let mut run = vec![*step];
            while let Some(next) = leaf.steps.get(index + run.len())
                && !targets.contains_key(&(index + run.len()))
                && self.half_of(next)? == Some(half)
            {
                run.push(*next);
            }
            self.run(half, &run, &targets)?;
            index += run.len();
        }
        Some(())
    }

    /// Tests of one half word, in order.
    fn run(&mut self, half: Half, run: &[Step], targets: &BTreeMap<usize, Label>) -> Option<()> {
        let (block, upper) = half;
        let after = self.asm.label();
        self.step_source(run.first()?);
        self.asm.load_target(SCRATCH, Target::Block(block));
        self.asm.add_register(SCRATCH, INPUT);
        self.asm
            .load_u32(WORD, SCRATCH, if upper == 0 { 0 } else { 4 });
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
            Then::Decide(decision) => {
                let asm = &mut self.asm;
                Some(*self.outcomes.entry(decision).or_insert_with(|| asm.label()))
            }
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

    fn step_source(&mut self, step: &Step) {
        if let Then::Decide(decision) = step.then
            && let Some(origin) = self.model.deciding_origin(decision.decider)
        {
            self.origin(origin);
        }
    }

    fn decision_source(&mut self, decider: Decider, key: &ClassKey) {
        match self.model.deciding_origin(decider) {
            Some(origin) => self.origin(origin),
            None => self.class_source(key),
        }
    }

    /// Code that belongs to no rule is shown at the class's first policy.
    fn class_source(&mut self, key: &ClassKey) {
        match key
            .policies
            .first()
            .and_then(|&policy| self.model.policy(policy))
        {
            Some(policy) => self.origin(&policy.origin),
            None => {
                let text = "no policy applies".to_owned();
                let origin = Origin {
                    line: 1,
                    column: 1,
                    text,
                    ..Origin::default()
                };
                self.asm.source("(none)", &origin);
            }
        }
    }

    fn origin(&mut self, origin: &Origin) {
        let file = self
            .model
            .files
            .get(origin.file.index())
            .map_or("?", String::as_str);
        self.asm.source(file, origin);
    }
}
