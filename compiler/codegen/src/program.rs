//! An assembled program, before it is linked to a node's maps.

use crate::insn::Insn;

/// An assembled program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its function's name: a C identifier.
    pub name: String,
    /// The instructions. Immediates that [`Self::relocations`] name are zero.
    pub code: Vec<Insn>,
    /// What the node must fill in, in order of instruction.
    pub relocations: Vec<Relocation>,
    /// Which policy source instructions come from, in order of instruction. Each entry holds up
    /// to the next. The first is for instruction 0.
    pub lines: Vec<SourceLine>,
}

/// A 64-bit immediate that depends on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Index of the first of the two instructions.
    pub instruction: usize,
    /// What is wanted there.
    pub target: Target,
}

/// What a relocation wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The per-CPU array with the [`PolicyInput`](polc_abi::policy::PolicyInput).
    InputMap,
    /// The program array with the continuations.
    ContinuationsMap,
    /// The byte offset, inside the input, of the word that the node gives this block.
    Block(u32),
}

/// Where instructions come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// Index of the first instruction.
    pub instruction: usize,
    /// Path of the policy file.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column, counted from 1.
    pub column: u32,
    /// The line's text.
    pub text: String,
}
