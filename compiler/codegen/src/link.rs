//! Fills in what depends on the node.

use std::fmt;

use crate::{
    insn::Insn,
    program::{Program, Target},
};

/// A relocation that the node cannot fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// The node gives no word to this block.
    UnknownBlock(u32),
    /// The relocation does not point at a 64-bit immediate load.
    BadPlace(usize),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownBlock(block) => {
                write!(f, "the node keeps no word for selector block {block}")
            }
            Self::BadPlace(at) => write!(f, "instruction {at} takes no relocation"),
        }
    }
}

impl std::error::Error for LinkError {}

impl Program {
    /// The instructions with every relocation filled in by `resolve`: a map's file descriptor, or
    /// the byte offset of a block's word inside the input.
    ///
    /// # Errors
    /// A block that `resolve` does not know.
    pub fn link(&self, resolve: impl Fn(Target) -> Option<i32>) -> Result<Vec<Insn>, LinkError> {
        let mut code = self.code.clone();
        for relocation in &self.relocations {
            let at = relocation.instruction;
            let value = resolve(relocation.target).ok_or(match relocation.target {
                Target::Block(block) => LinkError::UnknownBlock(block),
                Target::InputMap | Target::ContinuationsMap => LinkError::BadPlace(at),
            })?;
            let insn = code.get_mut(at).ok_or(LinkError::BadPlace(at))?;
            insn.immediate = value;
        }
        Ok(code)
    }
}
