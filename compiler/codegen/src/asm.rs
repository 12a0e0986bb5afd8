//! A small assembler: typed instructions, labels, forward jumps only.

use crate::{
    insn::{Insn, Register, opcode},
    link::set_immediate,
    program::{Program, Relocation, SourceLine, Target},
};

/// A place in the code that jumps can name before it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// The farthest jump, in instructions. Half of what the encoding holds, so that no later pass can
/// push a jump over the edge.
const MAX_JUMP: usize = 16 * 1024;

/// Code that cannot be assembled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsmError {
    /// A jump spans this many instructions; the limit is 16,384.
    JumpTooFar(usize),
    /// A jump to a label that was never placed, or was placed before the jump.
    BadLabel(Label),
}

/// How many bytes a load reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are their documentation")]
pub enum Width {
    U8,
    U16,
    U32,
    U64,
}

/// Collects instructions.
#[derive(Debug, Default)]
pub struct Assembler {
    code: Vec<Insn>,
    relocations: Vec<Relocation>,
    lines: Vec<SourceLine>,
    /// Where each label was placed.
    labels: Vec<Option<usize>>,
    /// Jumps to patch: instruction and label.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    /// How many instructions there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.code.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.code.is_empty()
    }

    /// A new label, not placed yet.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places a label at the next instruction.
    pub fn place(&mut self, label: Label) {
        let here = self.code.len();
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(here);
        }
    }

    /// Says where the following instructions come from.
    pub fn source(&mut self, file: &str, origin: &polc_model::Origin) {
        let line = SourceLine {
            instruction: self.code.len(),
            file: file.to_owned(),
            line: origin.line,
            column: origin.column,
            text: origin.text.clone(),
        };
        match self.lines.last_mut() {
            Some(last) if last.instruction == line.instruction => *last = line,
            Some(last)
                if (last.line, last.column) == (line.line, line.column)
                    && last.file == line.file => {}
            _ => self.lines.push(line),
        }
    }

    /// `destination = source`
    pub fn copy(&mut self, destination: Register, source: Register) {
        self.push(opcode::MOV64_REG, destination, source as u8, 0, 0);
    }

    /// `destination = value`
    pub fn set(&mut self, destination: Register, value: i32) {
        self.push(opcode::MOV64_IMM, destination, 0, 0, value);
    }

    /// `destination += value`
    pub fn add(&mut self, destination: Register, value: i32) {
        self.push(opcode::ADD64_IMM, destination, 0, 0, value);
    }

    /// `destination += source`
    pub fn add_register(&mut self, destination: Register, source: Register) {
        self.push(opcode::ADD64_REG, destination, source as u8, 0, 0);
    }

    /// `destination *= value`
    pub fn multiply(&mut self, destination: Register, value: i32) {
        self.push(opcode::MUL64_IMM, destination, 0, 0, value);
    }

    /// `destination *= source`
    pub fn multiply_register(&mut self, destination: Register, source: Register) {
        self.push(opcode::MUL64_REG, destination, source as u8, 0, 0);
    }

    /// `destination &= value`
    pub fn and(&mut self, destination: Register, value: i32) {
        self.push(opcode::AND64_IMM, destination, 0, 0, value);
    }

    /// `destination &= source`
    pub fn and_register(&mut self, destination: Register, source: Register) {
        self.push(opcode::AND64_REG, destination, source as u8, 0, 0);
    }

    /// `destination |= source`
    pub fn or_register(&mut self, destination: Register, source: Register) {
        self.push(opcode::OR64_REG, destination, source as u8, 0, 0);
    }

    /// `destination <<= bits`
    pub fn shift_left(&mut self, destination: Register, bits: i32) {
        self.push(opcode::SHIFT_LEFT64_IMM, destination, 0, 0, bits);
    }

    /// `destination >>= bits`
    pub fn shift_right(&mut self, destination: Register, bits: i32) {
        self.push(opcode::SHIFT_RIGHT64_IMM, destination, 0, 0, bits);
    }

    /// `destination >>= bits`, of which the lower six count.
    pub fn shift_right_by(&mut self, destination: Register, bits: Register) {
        self.push(opcode::SHIFT_RIGHT64_REG, destination, bits as u8, 0, 0);
    }

    /// `destination -= source`
    pub fn subtract_register(&mut self, destination: Register, source: Register) {
        self.push(opcode::SUB64_REG, destination, source as u8, 0, 0);
    }

    /// `destination = *(width *)(source + offset)`
    pub fn load(&mut self, width: Width, destination: Register, source: Register, offset: i16) {
        let opcode = match width {
            Width::U8 => opcode::LOAD_U8,
            Width::U16 => opcode::LOAD_U16,
            Width::U32 => opcode::LOAD_U32,
            Width::U64 => opcode::LOAD_U64,
        };
        self.push(opcode, destination, source as u8, offset, 0);
    }

    /// `*(u32 *)(destination + offset) = value`
    pub fn store_u32(&mut self, destination: Register, offset: i16, value: u32) {
        self.push(
            opcode::STORE_U32_IMM,
            destination,
            0,
            offset,
            value.cast_signed(),
        );
    }

    /// `*(u32 *)(destination + offset) = source`
    pub fn store_register_u32(&mut self, destination: Register, offset: i16, source: Register) {
        self.push(opcode::STORE_U32, destination, source as u8, offset, 0);
    }

    /// `*(u64 *)(destination + offset) = source`
    pub fn store_register_u64(&mut self, destination: Register, offset: i16, source: Register) {
        self.push(opcode::STORE_U64, destination, source as u8, offset, 0);
    }

    /// `destination = value`, 64 bits.
    pub fn set_u64(&mut self, destination: Register, value: u64) {
        let (mut low, mut high) = (Insn::default(), Insn::default());
        low.opcode = opcode::LOAD_IMM64;
        low.destination = destination as u8;
        set_immediate(&mut low, &mut high, value);
        self.code.extend([low, high]);
    }

    /// `destination =` what the node fills in.
    pub fn load_target(&mut self, destination: Register, target: Target) {
        self.relocations.push(Relocation {
            instruction: self.code.len(),
            target,
        });
        self.push(opcode::LOAD_IMM64, destination, 0, 0, 0);
        self.code.push(Insn::default());
    }

    /// Calls a helper; see [`helper`](crate::insn::helper).
    pub fn call(&mut self, helper: i32) {
        self.push(opcode::CALL, Register::R0, 0, 0, helper);
    }

    /// Returns `r0`.
    pub fn exit(&mut self) {
        self.push(opcode::EXIT, Register::R0, 0, 0, 0);
    }

    /// `goto label`
    pub fn jump(&mut self, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.push(opcode::JUMP, Register::R0, 0, 0, 0);
    }

    /// `if register == 0 goto label`
    pub fn jump_if_null(&mut self, register: Register, label: Label) {
        self.jump_if(opcode::JUMP_EQ64_IMM, register, 0, label);
    }

    /// `if register != 0 goto label`
    pub fn jump_if_not_zero(&mut self, register: Register, label: Label) {
        self.jump_if(opcode::JUMP_NE64_IMM, register, 0, label);
    }

    /// `if register == value goto label`
    pub fn jump_if_equal(&mut self, register: Register, value: u32, label: Label) {
        self.jump_if(opcode::JUMP_EQ64_IMM, register, value, label);
    }

    /// `if (u32) register >= value goto label`
    pub fn jump_if_at_least(&mut self, register: Register, value: u32, label: Label) {
        self.jump_if(opcode::JUMP_GE32_IMM, register, value, label);
    }

    /// `if (u32) register & mask goto label`
    pub fn jump_if_any(&mut self, register: Register, mask: u32, label: Label) {
        self.jump_if(opcode::JUMP_SET32_IMM, register, mask, label);
    }

    /// Resolves labels.
    ///
    /// # Errors
    /// A jump that goes too far or not forward.
    pub fn assemble(mut self, name: String) -> Result<Program, AsmError> {
        for (at, label) in std::mem::take(&mut self.jumps) {
            let place = self.labels.get(label.0).copied().flatten();
            let distance = place
                .and_then(|place| place.checked_sub(at + 1))
                .ok_or(AsmError::BadLabel(label))?;
            if distance > MAX_JUMP {
                return Err(AsmError::JumpTooFar(distance));
            }
            if let (Some(insn), Ok(offset)) = (self.code.get_mut(at), i16::try_from(distance)) {
                insn.offset = offset;
            }
        }
        let Self {
            code,
            relocations,
            lines,
            ..
        } = self;
        Ok(Program {
            name,
            code,
            relocations,
            lines,
        })
    }

    fn jump_if(&mut self, opcode: u8, register: Register, value: u32, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.push(opcode, register, 0, 0, value.cast_signed());
    }

    fn push(&mut self, opcode: u8, destination: Register, source: u8, offset: i16, immediate: i32) {
        self.code.push(Insn {
            opcode,
            destination: destination as u8,
            source,
            offset,
            immediate,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_patched_forward() {
        let mut asm = Assembler::default();
        let end = asm.label();
        asm.jump(end);
        asm.set(Register::R0, 1);
        asm.place(end);
        asm.exit();
        let program = asm.assemble("f".to_owned()).unwrap();
        assert_eq!(program.code[0].offset, 1);
    }

    #[test]
    fn a_jump_back_is_refused() {
        let mut asm = Assembler::default();
        let start = asm.label();
        asm.place(start);
        asm.jump(start);
        assert_eq!(asm.assemble("f".to_owned()), Err(AsmError::BadLabel(start)));
    }

    #[test]
    fn a_jump_too_far_is_refused() {
        let mut asm = Assembler::default();
        let end = asm.label();
        asm.jump(end);
        for _ in 0..=MAX_JUMP {
            asm.set(Register::R0, 1);
        }
        asm.place(end);
        asm.exit();
        assert_eq!(
            asm.assemble("f".to_owned()),
            Err(AsmError::JumpTooFar(MAX_JUMP + 1))
        );
    }
}
