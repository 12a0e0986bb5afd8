//! Fills in what depends on the node.

use std::fmt;

use polc_abi::policy::MAX_SIGNATURE_BYTES;

use crate::{
    insn::{Insn, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE},
    program::{Program, Target},
};

/// A relocation that the node cannot fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// The node keeps no place for this block.
    UnknownBlock(u32),
    /// The node has no bit for this name.
    UnknownName(u32),
    /// The relocation does not point at a 64-bit immediate load.
    BadPlace(usize),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownBlock(block) => {
                write!(f, "the node keeps no place for selector block {block}")
            }
            Self::UnknownName(name) => write!(f, "the node has no bit for port name {name}"),
            Self::BadPlace(at) => write!(f, "instruction {at} takes no relocation"),
        }
    }
}

impl std::error::Error for LinkError {}

/// What the node fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// The file descriptor of a map. For [`Target::Table`], of an array whose only value is the
    /// table.
    Descriptor(i32),
    /// A number. For maps and tables, where there is no kernel, an address.
    Number(u64),
}

impl Program {
    /// The instructions with every relocation filled in by `resolve`.
    ///
    /// # Errors
    /// A target that `resolve` does not know.
    pub fn link(
        &self,
        resolve: impl Fn(Target) -> Option<Filling>,
    ) -> Result<Vec<Insn>, LinkError> {
        let mut code = self.code.clone();
        for relocation in &self.relocations {
            let at = relocation.instruction;
            let value = resolve(relocation.target).ok_or(match relocation.target {
                Target::Block(block) => LinkError::UnknownBlock(block.index),
                Target::Name(name) => LinkError::UnknownName(name),
                _ => LinkError::BadPlace(at),
            })?;
            let Some([low, high]) = code.get_mut(at..).and_then(|rest| rest.first_chunk_mut())
            else {
                return Err(LinkError::BadPlace(at));
            };
            match (value, relocation.target) {
                (Filling::Descriptor(fd), Target::Table(offset)) => {
                    low.source = PSEUDO_MAP_VALUE;
                    low.immediate = fd;
                    high.immediate = offset.cast_signed();
                }
                (Filling::Descriptor(fd), _) => {
                    low.source = PSEUDO_MAP_FD;
                    low.immediate = fd;
                    high.immediate = 0;
                }
                (Filling::Number(number), target) => {
                    let offset = match target {
                        Target::Table(offset) => u64::from(offset),
                        _ => 0,
                    };
                    low.source = 0;
                    set_immediate(low, high, number.wrapping_add(offset));
                }
            }
        }
        Ok(code)
    }
}

/// Linking for a verifier, which takes a program without a node.
impl Program {
    /// The instructions with `maps` filled in; what is read of a signature lies at the end of the
    /// longest that there may be, so that what stays inside there stays inside at any node.
    ///
    /// # Errors
    /// A map that `maps` does not know.
    pub fn link_for_verifier(
        &self,
        maps: impl Fn(Target) -> Option<i32>,
    ) -> Result<Vec<Insn>, LinkError> {
        self.link(|target| match target {
            Target::Part(number) | Target::Name(number) => Some(Filling::Number(number.into())),
            Target::Block(block) => {
                let offset = MAX_SIGNATURE_BYTES.checked_sub(block.bytes as usize)?;
                Some(Filling::Number(offset as u64))
            }
            _ => maps(target).map(Filling::Descriptor),
        })
    }
}

/// Puts a 64-bit number into the two halves of a load.
pub(crate) const fn set_immediate(low: &mut Insn, high: &mut Insn, number: u64) {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    low.immediate = i32::from_le_bytes([a, b, c, d]);
    high.immediate = i32::from_le_bytes([e, f, g, h]);
}
