//! An assembled program, before it is linked to a node's maps.

use crate::insn::Insn;

/// The programs of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassProgram {
    /// The one that the datapath calls.
    pub root: Program,
    /// Those that it calls, where one program does not hold the class.
    pub parts: Vec<Program>,
    /// What its lookups read; empty where it has none. A map's only value, read-only.
    pub table: Vec<u8>,
}

impl ClassProgram {
    /// All of its programs, the root first.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        [&self.root].into_iter().chain(&self.parts)
    }

    /// Instructions of all programs.
    #[must_use]
    pub fn instructions(&self) -> usize {
        self.programs().map(|program| program.code.len()).sum()
    }
}

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
    /// The array with the side's signatures.
    SignaturesMap,
    /// The hash with the side's named ports.
    PortNamesMap,
    /// The program array with the policy programs.
    PoliciesMap,
    /// The byte offset, inside a signature, that the node gives this block.
    Block(BlockId),
    /// The position of the bit that the node gives this name: index into the names of the class's
    /// layout.
    Name(u32),
    /// The slot of a part of this class, counted from 0, in the policies' program array.
    Part(u32),
    /// The address of this byte of the class's table.
    Table(u32),
}

/// A block of the class's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockId {
    /// Index into the layout's blocks.
    pub index: u32,
    /// Bytes that are read from the offset on; the offset is a multiple of 8 or, below that, of
    /// this.
    pub bytes: u32,
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
