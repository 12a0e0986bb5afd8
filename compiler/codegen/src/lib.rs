//! From a [`ClassPlan`] to an eBPF program, and to the ELF file that carries it.
//!
//! ```text
//! ClassPlan ──generate──► assembler with labels ──assemble──► Program ──elf::write──► bytes
//!                                                               │  ▲───elf::read────────┘
//!                                                               ├─ link: the node's maps and words
//!                                                               └─ disasm: text with policy source
//! ```
//!
//! Programs never touch packets. They read [`PolicyInput`](polc_abi::policy::PolicyInput), test
//! and jump forward, write a verdict, and tail call the datapath's continuation. There is no map
//! lookup per rule.

pub mod asm;
mod btf;
pub mod disasm;
pub mod elf;
mod generate;
pub mod insn;
mod link;
pub mod program;

pub use generate::{Cause, CodegenError, Compiler, Limits};
pub use insn::{Insn, opcode};
pub use link::{Filling, LinkError};
pub use program::{ClassProgram, Program, Relocation, SourceLine, Target};

#[cfg(test)]
mod tests;
