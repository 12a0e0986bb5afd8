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
            one(*insn, index, target.map(|one| one.target))
        );
        index += if insn.opcode == opcode::LOAD_IMM64 {
            2
        } else {
            1
        };
    }
    text
}

fn one(insn: Insn, index: usize, target: Option<Target>) -> String {
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
            Some(Target::InputMap) => format!("r{dst} = map[{}]", polc_abi::policy::INPUT_MAP),
            Some(Target::ContinuationsMap) => {
                format!("r{dst} = map[{}]", polc_abi::policy::CONTINUATIONS_MAP)
            }
            Some(Target::Block(block)) => format!("r{dst} = offset of selector block {block}"),
            None => format!("r{dst} = {imm} ll"),
        },
        opcode::LOAD_U32 => format!("r{dst} = *(u32 *)(r{src} {offset:+})"),
        opcode::STORE_U32_IMM => {
            format!("*(u32 *)(r{dst} {offset:+}) = {:#x}", imm.cast_unsigned())
        }
        opcode::MOV64_REG => format!("r{dst} = r{src}"),
        opcode::MOV64_IMM => format!("r{dst} = {imm}"),
        opcode::ADD64_IMM => format!("r{dst} += {imm}"),
        opcode::ADD64_REG => format!("r{dst} += r{src}"),
        opcode::JUMP => format!("goto {jump}"),
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
