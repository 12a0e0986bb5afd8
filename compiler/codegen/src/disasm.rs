//! Programs as text, with the policy source between the instructions.

use std::fmt::Write as _;

use crate::{
    insn::{Insn, helper, opcode},
    program::{Program, Target},
};

/// Disassembles a program. Each change of source line is announced by a line that starts with
/// `;`, as `llvm-objdump -S` does.
#[must_use]
pub fn disassemble(program: &Program) -> String {
    let mut text = format!("{}:\n", program.name);
    let mut lines = program.lines.iter().peekable();
    let mut index = 0;
    while let Some(insn) = program.code.get(index) {
        if let Some(line) = lines.next_if(|line| line.instruction == index) {
            let _ = writeln!(text, "; {} @ {}:{}", line.text, line.file, line.line);
        }
        let target = program
            .relocations
            .iter()
            .find(|one| one.instruction == index);
        let _ = writeln!(
            text,
            "{index:5}: {}",
            one(
                *insn,
                program.code.get(index + 1).copied().unwrap_or_default(),
                index,
                target.map(|one| one.target)
            )
        );
        index += if insn.opcode == opcode::LOAD_IMM64 {
            2
        } else {
            1
        };
    }
    text
}

fn one(insn: Insn, next: Insn, index: usize, target: Option<Target>) -> String {
    let Insn {
        opcode,
        destination: dst,
        source: src,
        offset,
        immediate: imm,
    } = insn;
    let jump = index.cast_signed() + 1 + isize::from(offset);
    match opcode {
        opcode::LOAD_IMM64 => match target {
            Some(target) => format!("r{dst} = {}", in_words(target)),
            None => format!("r{dst} = {:#x} ll", immediate_of(insn, next)),
        },
        opcode::LOAD_U8 => format!("r{dst} = *(u8 *)(r{src} {offset:+})"),
        opcode::LOAD_U16 => format!("r{dst} = *(u16 *)(r{src} {offset:+})"),
        opcode::LOAD_U32 => format!("r{dst} = *(u32 *)(r{src} {offset:+})"),
        opcode::LOAD_U64 => format!("r{dst} = *(u64 *)(r{src} {offset:+})"),
        opcode::STORE_U32 => format!("*(u32 *)(r{dst} {offset:+}) = r{src}"),
        opcode::STORE_U64 => format!("*(u64 *)(r{dst} {offset:+}) = r{src}"),
        opcode::STORE_U32_IMM => {
            format!("*(u32 *)(r{dst} {offset:+}) = {:#x}", imm.cast_unsigned())
        }
        opcode::MOV64_REG => format!("r{dst} = r{src}"),
        opcode::MOV64_IMM => format!("r{dst} = {imm}"),
        opcode::ADD64_IMM => format!("r{dst} += {imm}"),
        opcode::ADD64_REG => format!("r{dst} += r{src}"),
        opcode::MUL64_IMM => format!("r{dst} *= {imm}"),
        opcode::MUL64_REG => format!("r{dst} *= r{src}"),
        opcode::AND64_IMM => format!("r{dst} &= {imm:#x}"),
        opcode::AND64_REG => format!("r{dst} &= r{src}"),
        opcode::OR64_REG => format!("r{dst} |= r{src}"),
        opcode::SHIFT_LEFT64_IMM => format!("r{dst} <<= {imm}"),
        opcode::SHIFT_RIGHT64_IMM => format!("r{dst} >>= {imm}"),
        opcode::SHIFT_RIGHT64_REG => format!("r{dst} >>= r{src}"),
        opcode::SUB64_REG => format!("r{dst} -= r{src}"),
        opcode::JUMP => format!("goto {jump}"),
        opcode::JUMP_NE64_IMM => format!("if r{dst} != {imm} goto {jump}"),
        opcode::JUMP_EQ64_IMM => format!("if r{dst} == {imm} goto {jump}"),
        opcode::JUMP_GE32_IMM => format!("if w{dst} >= {:#x} goto {jump}", imm.cast_unsigned()),
        opcode::JUMP_SET32_IMM => format!("if w{dst} & {:#x} goto {jump}", imm.cast_unsigned()),
        opcode::CALL => match imm {
            helper::MAP_LOOKUP => "call map_lookup_elem".to_owned(),
            helper::TAIL_CALL => "call tail_call".to_owned(),
            other => format!("call {other}"),
        },
        opcode::EXIT => "exit".to_owned(),
        other => format!("unknown operation {other:#04x}"),
    }
}

fn in_words(target: Target) -> String {
    match target {
        Target::InputMap => format!("map[{}]", polc_abi::policy::INPUT_MAP),
        Target::ContinuationsMap => format!("map[{}]", polc_abi::policy::CONTINUATIONS_MAP),
        Target::SignaturesMap => format!("map[{}]", polc_abi::policy::SIGNATURES_MAP),
        Target::PortNamesMap => format!("map[{}]", polc_abi::policy::PORT_NAMES_MAP),
        Target::PoliciesMap => format!("map[{}]", polc_abi::map::POLICIES),
        Target::Block(block) => format!("offset of selector block {}", block.index),
        Target::Name(name) => format!("bit of port name {name}"),
        Target::Part(part) => format!("slot of part {part}"),
        Target::Table(offset) => format!("table + {offset}"),
    }
}

/// The 64-bit immediate of a load and the half instruction behind it.
fn immediate_of(low: Insn, high: Insn) -> u64 {
    u64::from(high.immediate.cast_unsigned()) << 32 | u64::from(low.immediate.cast_unsigned())
}
