//! Generates the program of a policy class.
//!
//! ```text
//! entry      look up the input, the peer's row of signatures and the port's names, once
//! interval   a tree of comparisons, or a table                            tree, table
//! leaf       tests of bits, or the first bit of signature and rule set    leaf, bitmap
//! outcomes   store verdict and decider                                    outcomes
//!            once more from "interval" for the audited policies, if the packet may pass
//! done       tail call the continuation; on failure return a drop
//! ```
//!
//! What is longer than one program should be is split by intervals: see [`split`].

mod bitmap;
mod leaf;
mod outcomes;
mod source;
mod split;
mod table;
mod tree;

use std::{collections::BTreeMap, fmt};

use polc_abi::policy::{
    CONTINUATION_JUDGED, MAX_PORT_NAMES, PolicyInput, RETURN_ON_FAILURE, offset,
};
use polc_model::{Direction, Model, SelectorId};
use polc_plan::{
    Bit, ClassKey, ClassPlan, Deciders, Decisions, Dispatch, Layout, LeafId, Leaves,
    strategy::MAX_TESTS,
};

use crate::{
    asm::{AsmError, Assembler, Label, Width},
    insn::{Register, helper},
    program::{BlockId, ClassProgram, Program, Target},
};

use outcomes::Allowed;
use table::Table;

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
    /// Named ports: the policies use this many.
    Names(usize),
    /// Code: this many instructions for one port, or for all.
    Code(usize),
    /// Tables: this many bytes.
    Table(usize),
    /// The plan is not valid.
    Plan,
}

impl fmt::Display for CodegenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction: Direction = self.class.direction;
        match self.cause {
            Cause::Tests(count) => write!(
                f,
                "{direction}: {count} rules match the same port; at most {MAX_TESTS} fit a program"
            ),
            Cause::Names(count) => write!(
                f,
                "{direction}: the policies use {count} named ports; at most {MAX_PORT_NAMES} fit a \
                 program"
            ),
            Cause::Code(count) => write!(
                f,
                "{direction}: the policies need {count} instructions, more than fit a program"
            ),
            Cause::Table(bytes) => write!(
                f,
                "{direction}: the policies need a table of {bytes} bytes; at most \
                 {} fit a program",
                table::MAX_BYTES
            ),
            Cause::Plan => write!(f, "{direction}: the plan is not valid"),
        }
    }
}

impl std::error::Error for CodegenError {}

/// What one program may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instructions from which on a program is split. Far below what the kernel takes: see the
    /// budgets in docs/architecture.md.
    pub instructions: usize,
    /// Programs of one class, beside the root.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            instructions: 12_000,
            parts: 32,
        }
    }
}

/// Compiles classes of one Model.
#[derive(Debug)]
pub struct Compiler<'a> {
    model: &'a Model,
    deciders: Deciders,
}

impl<'a> Compiler<'a> {
    /// Looks at what all classes have in common.
    #[must_use]
    pub fn new(model: &'a Model) -> Self {
        Self {
            model,
            deciders: Deciders::of(model),
        }
    }

    /// Compiles one class. The plan must be valid for the Model.
    ///
    /// # Errors
    /// A class that does not fit.
    pub fn compile(&self, class: &ClassPlan, limits: Limits) -> Result<ClassProgram, CodegenError> {
        let names = class.layout.names.len();
        let compiled = if names <= MAX_PORT_NAMES {
            split::class(self, class, limits)
        } else {
            Err(Cause::Names(names))
        };
        compiled.map_err(|cause| CodegenError {
            class: class.key.clone(),
            cause,
        })
    }
}

/// `r6` holds the input, `r7` the peer's signature and `r9` the context for the whole program; `r8`
/// the row of a bitmap. The rest is scratch.
const INPUT: Register = Register::R6;
const SIGNATURE: Register = Register::R7;
const ROW: Register = Register::R8;
const CONTEXT: Register = Register::R9;
const L4: Register = Register::R1;

/// An offset into the input, as instructions hold it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "offsets of a structure far smaller than that"
)]
const fn at(offset: usize) -> i16 {
    assert!(offset < size_of::<PolicyInput>(), "inside the input");
    offset as i16
}

/// Generates one program for all of a class.
fn program(
    compiler: &Compiler<'_>,
    class: &ClassPlan,
    name: String,
) -> Result<(Program, Table), Cause> {
    let mut generator = Generator::new(compiler, class);
    generator.entry(Reads::of(class));
    generator.decisions(&class.enforced)?;
    match &class.audited {
        None => {
            generator.enforced_outcomes(generator.done);
        }
        // The kernel refuses code that nothing reaches, so there is none where no packet may pass.
        Some(audited) => {
            let allowed = generator.asm.label();
            if generator.enforced_outcomes(allowed) == Allowed::Sometimes {
                generator.asm.place(allowed);
                generator.decisions(audited)?;
                generator.audited_outcomes();
            }
        }
    }
    generator.exit();
    generator.finish(name)
}

/// How a block is read.
#[derive(Clone, Copy)]
enum Loads {
    /// By one load.
    Whole(Width),
    /// Word by word, of 8 bytes.
    Words,
}

/// What a program reads of the node.
#[derive(Clone, Copy, Default)]
struct Reads {
    /// The peer's signature.
    signature: bool,
    /// The receiver's names for the port.
    names: bool,
}

impl Reads {
    fn of(class: &ClassPlan) -> Self {
        let signature = |decisions: &Decisions| match &decisions.leaves {
            Leaves::Tests(leaves) => leaves
                .iter()
                .flat_map(|leaf| &leaf.steps)
                .any(|step| step.when.is_some()),
            Leaves::Bitmap(bitmap) => bitmap.tiers.iter().any(|tier| tier.words() > 0),
        };
        Self {
            signature: class.scopes().any(signature),
            names: class.names().next().is_some(),
        }
    }
}

struct Generator<'a> {
    asm: Assembler,
    table: Table,
    model: &'a Model,
    layout: &'a Layout,
    bits: BTreeMap<SelectorId, Bit>,
    deciders: &'a Deciders,
    key: &'a ClassKey,
    outcomes: outcomes::Outcomes,
    /// The tail call of the continuation. Without a verdict, the packet is dropped there, and the
    /// drop is reported.
    done: Label,
    /// The end, where not even that works.
    fail: Label,
}

impl<'a> Generator<'a> {
    fn new(compiler: &'a Compiler<'_>, class: &'a ClassPlan) -> Self {
        let mut asm = Assembler::default();
        let (done, fail) = (asm.label(), asm.label());
        Self {
            asm,
            table: Table::default(),
            model: compiler.model,
            layout: &class.layout,
            bits: class.layout.bits(),
            deciders: &compiler.deciders,
            key: &class.key,
            outcomes: outcomes::Outcomes::default(),
            done,
            fail,
        }
    }

    fn entry(&mut self, reads: Reads) {
        self.class_source();
        self.asm.copy(CONTEXT, Register::R1);
        self.asm.store_u32(Register::R10, -4, 0);
        self.lookup(Target::InputMap, -4);
        self.asm.jump_if_null(Register::R0, self.fail);
        self.asm.copy(INPUT, Register::R0);
        if reads.signature {
            self.push_input(offset::ROW, -4);
            self.lookup(Target::SignaturesMap, -4);
            self.asm.jump_if_null(Register::R0, self.done);
            self.asm.copy(SIGNATURE, Register::R0);
        }
        if reads.names {
            self.push_input(offset::RECEIVER, -8);
            self.push_input(offset::L4, -4);
            self.lookup(Target::PortNamesMap, -8);
            let names = Register::R1;
            let looked_up = self.asm.label();
            self.asm.set(names, 0);
            self.asm.jump_if_null(Register::R0, looked_up);
            self.asm.load(Width::U64, names, Register::R0, 0);
            self.asm.place(looked_up);
            // In memory the verifier forgets what tests have shown; it would walk all that follows
            // once for each combination of bits of a register.
            self.asm.store_register_u64(INPUT, at(offset::NAMES), names);
        }
    }

    /// Points a register at a block of the peer's signature. Returns how wide the block's loads are.
    fn load_block(&mut self, to: Register, index: u32) -> Option<Loads> {
        let bytes = self.layout.block(index)?.bytes();
        let block = BlockId {
            index,
            bytes: u32::try_from(bytes).ok()?,
        };
        self.asm.load_target(to, Target::Block(block));
        self.asm.add_register(to, SIGNATURE);
        Some(match bytes {
            1 => Loads::Whole(Width::U8),
            2 => Loads::Whole(Width::U16),
            4 => Loads::Whole(Width::U32),
            _ => Loads::Words,
        })
    }

    /// Puts a field of the input on the stack.
    fn push_input(&mut self, field: usize, to: i16) {
        self.asm.load(Width::U32, Register::R1, INPUT, at(field));
        self.asm.store_register_u32(Register::R10, to, Register::R1);
    }

    /// Looks up the key at this place of the stack.
    fn lookup(&mut self, map: Target, key: i16) {
        self.asm.copy(Register::R2, Register::R10);
        self.asm.add(Register::R2, key.into());
        self.asm.load_target(Register::R1, map);
        self.asm.call(helper::MAP_LOOKUP);
    }

    /// Decides, up to the outcomes.
    fn decisions(&mut self, decisions: &Decisions) -> Result<(), Cause> {
        self.class_source();
        self.asm.load(Width::U32, L4, INPUT, at(offset::L4));
        match &decisions.leaves {
            Leaves::Tests(leaves) => {
                let (labels, tested) = self.leaf_labels(leaves).ok_or(Cause::Plan)?;
                match decisions.dispatch {
                    Dispatch::Tree => self.tree(&decisions.intervals, &labels),
                    Dispatch::Table => {
                        self.interval_table(&decisions.intervals)?;
                        self.leaf_tree(&labels)
                    }
                }
                .ok_or(Cause::Plan)?;
                for (label, leaf) in tested {
                    self.asm.place(label);
                    self.leaf(leaf).ok_or(Cause::Plan)?;
                }
                Ok(())
            }
            Leaves::Bitmap(bitmap) => {
                match decisions.dispatch {
                    Dispatch::Tree => self
                        .row_tree(&decisions.intervals, bitmap.rows.len())
                        .ok_or(Cause::Plan)?,
                    Dispatch::Table => self.interval_table(&decisions.intervals)?,
                }
                self.bitmap(bitmap)
            }
        }
    }

    fn exit(&mut self) {
        self.asm.place(self.done);
        self.class_source();
        self.asm.copy(Register::R1, CONTEXT);
        self.asm.load_target(Register::R2, Target::ContinuationsMap);
        self.asm
            .set(Register::R3, CONTINUATION_JUDGED.cast_signed());
        self.asm.call(helper::TAIL_CALL);
        self.fail();
    }

    fn fail(&mut self) {
        self.asm.place(self.fail);
        self.asm.set(Register::R0, RETURN_ON_FAILURE);
        self.asm.exit();
    }

    fn finish(self, name: String) -> Result<(Program, Table), Cause> {
        if self.table.len() > table::MAX_BYTES {
            return Err(Cause::Table(self.table.len()));
        }
        let program = self.asm.assemble(name).map_err(|cause| match cause {
            AsmError::JumpTooFar(distance) => Cause::Code(distance),
            AsmError::BadLabel(_) => Cause::Plan,
        })?;
        Ok((program, self.table))
    }

    /// The label of each leaf, for [`Self::tree`].
    fn label_of(labels: &[Label], leaf: LeafId) -> Option<Label> {
        labels.get(leaf.0).copied()
    }
}
