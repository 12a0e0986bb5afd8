//! Drivers, as raw instructions: they pick a random packet and ask about it.

use std::os::fd::{AsFd, AsRawFd as _};

use polc_agent::sys::program::{LoadedProgram, ProgramSource};
use polc_codegen::{
    Insn,
    insn::{PSEUDO_MAP_FD, Register, helper},
    opcode,
};

use super::Result;

/// `bpf_get_prandom_u32`
const RANDOM: i32 = 7;
/// `*(u64 *)(dst + off) = src`
const STORE_U64: u8 = 0x7b;
/// `*(u16 *)(dst + off) = src`
const STORE_U16: u8 = 0x6b;

/// `dst ^= src`, 64 bits.
const EXCLUSIVE_OR: u8 = 0xaf;
/// `dst = htobe(dst)`, as many bits as the immediate says.
const TO_BIG_ENDIAN: u8 = 0xdc;

/// How wide a load or a store is.
#[derive(Clone, Copy)]
pub(super) enum Width {
    U16,
    U32,
    U64,
}

/// Instructions, one behind the other.
#[derive(Default)]
pub(super) struct Code(Vec<Insn>);

impl Code {
    fn push(
        &mut self,
        opcode: u8,
        destination: Register,
        source: u8,
        offset: i16,
        immediate: i32,
    ) -> &mut Self {
        self.0.push(Insn {
            opcode,
            destination: destination as u8,
            source,
            offset,
            immediate,
        });
        self
    }

    pub(super) fn copy(&mut self, to: Register, from: Register) -> &mut Self {
        self.push(opcode::MOV64_REG, to, from as u8, 0, 0)
    }

    pub(super) fn set(&mut self, to: Register, value: i32) -> &mut Self {
        self.push(opcode::MOV64_IMM, to, 0, 0, value)
    }

    pub(super) fn load(
        &mut self,
        width: Width,
        to: Register,
        from: Register,
        at: i16,
    ) -> &mut Self {
        let opcode = match width {
            Width::U16 => opcode::LOAD_U16,
            Width::U32 => opcode::LOAD_U32,
            Width::U64 => opcode::LOAD_U64,
        };
        self.push(opcode, to, from as u8, at, 0)
    }

    pub(super) fn store(
        &mut self,
        width: Width,
        to: Register,
        at: i16,
        from: Register,
    ) -> &mut Self {
        let opcode = match width {
            Width::U16 => STORE_U16,
            Width::U32 => opcode::STORE_U32,
            Width::U64 => STORE_U64,
        };
        self.push(opcode, to, from as u8, at, 0)
    }

    pub(super) fn store_value(&mut self, to: Register, at: i16, value: i32) -> &mut Self {
        self.push(opcode::STORE_U32_IMM, to, 0, at, value)
    }

    /// `r0` becomes a random number below `count`, a power of two.
    pub(super) fn random_below(&mut self, count: u32) -> &mut Self {
        self.call(RANDOM);
        let mask = count.saturating_sub(1).cast_signed();
        self.push(opcode::AND64_IMM, Register::R0, 0, 0, mask)
    }

    pub(super) fn map(&mut self, to: Register, map: &impl AsFd) -> &mut Self {
        let fd = map.as_fd().as_raw_fd();
        self.push(opcode::LOAD_IMM64, to, PSEUDO_MAP_FD, 0, fd);
        self.0.push(Insn::default());
        self
    }

    /// Looks up the key at this place of the stack. `r0` points at the value, or is null.
    pub(super) fn lookup(&mut self, map: &impl AsFd, key_at: i16) -> &mut Self {
        self.copy(Register::R2, Register::R10);
        self.push(opcode::ADD64_IMM, Register::R2, 0, 0, key_at.into());
        self.map(Register::R1, map);
        self.call(helper::MAP_LOOKUP)
    }

    /// Returns zero, which no decision is, if the register is null.
    pub(super) fn give_up_if_null(&mut self, register: Register) -> &mut Self {
        self.push(opcode::JUMP_NE64_IMM, register, 0, 2, 0);
        self.set(Register::R0, 0);
        self.exit()
    }

    /// Skips the next instruction if the register is null.
    pub(super) fn skip_if_null(&mut self, register: Register) -> &mut Self {
        self.push(opcode::JUMP_EQ64_IMM, register, 0, 1, 0)
    }

    /// Looks up the key at this place of the stack in the map that a register points at.
    pub(super) fn lookup_in(&mut self, map: Register, key_at: i16) -> &mut Self {
        self.copy(Register::R2, Register::R10);
        self.push(opcode::ADD64_IMM, Register::R2, 0, 0, key_at.into());
        self.copy(Register::R1, map);
        self.call(helper::MAP_LOOKUP)
    }

    /// Runs `code`, unless the register is null.
    pub(super) fn skip_if_null_over(&mut self, register: Register, code: &Self) -> &mut Self {
        let length = i16::try_from(code.0.len()).unwrap_or(i16::MAX);
        self.push(opcode::JUMP_EQ64_IMM, register, 0, length, 0);
        self.append(code)
    }

    pub(super) fn append(&mut self, code: &Self) -> &mut Self {
        self.0.extend(&code.0);
        self
    }

    pub(super) fn set_wide(&mut self, to: Register, value: u64) -> &mut Self {
        let [low, high] = [value as u32, (value >> 32) as u32].map(u32::cast_signed);
        self.push(opcode::LOAD_IMM64, to, 0, 0, low);
        self.0.push(Insn {
            immediate: high,
            ..Insn::default()
        });
        self
    }

    pub(super) fn swap_bytes(&mut self, register: Register) -> &mut Self {
        self.push(TO_BIG_ENDIAN, register, 0, 0, 64)
    }

    pub(super) fn multiply(&mut self, to: Register, by: Register) -> &mut Self {
        self.push(opcode::MUL64_REG, to, by as u8, 0, 0)
    }

    pub(super) fn exclusive_or(&mut self, to: Register, by: Register) -> &mut Self {
        self.push(EXCLUSIVE_OR, to, by as u8, 0, 0)
    }

    pub(super) fn or(&mut self, to: Register, by: Register) -> &mut Self {
        self.push(opcode::OR64_REG, to, by as u8, 0, 0)
    }

    pub(super) fn and(&mut self, to: Register, by: Register) -> &mut Self {
        self.push(opcode::AND64_REG, to, by as u8, 0, 0)
    }

    pub(super) fn shift_right(&mut self, register: Register, bits: i32) -> &mut Self {
        self.push(opcode::SHIFT_RIGHT64_IMM, register, 0, 0, bits)
    }

    pub(super) fn add(&mut self, register: Register, value: i32) -> &mut Self {
        self.push(opcode::ADD64_IMM, register, 0, 0, value)
    }

    pub(super) fn tail_call(
        &mut self,
        context: Register,
        programs: &impl AsFd,
        slot: i32,
    ) -> &mut Self {
        self.copy(Register::R1, context);
        self.map(Register::R2, programs);
        self.set(Register::R3, slot);
        self.call(helper::TAIL_CALL);
        self.set(Register::R0, 0);
        self.exit()
    }

    pub(super) fn call(&mut self, helper: i32) -> &mut Self {
        self.push(opcode::CALL, Register::R0, 0, 0, helper)
    }

    pub(super) fn exit(&mut self) -> &mut Self {
        self.push(opcode::EXIT, Register::R0, 0, 0, 0)
    }

    /// Loads it as a tc program.
    pub(super) fn program(&self, name: &str) -> Result<LoadedProgram> {
        load(name, &self.0)
    }
}

/// Loads a tc program.
pub(super) fn load(name: &str, code: &[Insn]) -> Result<LoadedProgram> {
    let code: Vec<u8> = code.iter().flat_map(|insn| insn.to_bytes()).collect();
    let source = ProgramSource {
        name,
        code: &code,
        debug: None,
    };
    LoadedProgram::load(source)
        .map_err(|refused| format!("{name}: {}\n{}", refused.error, refused.log).into())
}
