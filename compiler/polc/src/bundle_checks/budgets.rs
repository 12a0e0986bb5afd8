//! Does every program keep the budgets that the dataplane allows it? From the code alone: what a
//! kernel's verifier walks, and how long that takes, only a kernel tells.

use polc_bundle::Bundle;
use polc_codegen::{
    Program,
    insn::{Insn, helper, opcode},
};

use super::{Check, programs};
use crate::command::count;

pub(super) const NAME: &str = "budgets";

/// Instructions that the verifier may process. It processes each at least once.
const MAX_INSTRUCTIONS: usize = 100_000;
/// Conditional jumps on one path; the kernel gives up at twice as many.
const MAX_BRANCHES: usize = 4096;
/// Instructions that a jump may span; half of what its encoding holds.
const MAX_JUMP: usize = 16 * 1024;
/// Tail calls on one path; the kernel allows 33, and each costs time.
const MAX_TAIL_CALLS: usize = 8;
/// The newest helper of Linux 5.10, `bpf_redirect_peer`.
const LAST_HELPER: i32 = 155;

pub(super) fn check(bundle: &Bundle) -> Check {
    let mut findings = Vec::new();
    let mut most = Cost::default();
    for (name, program) in programs(bundle) {
        let cost = program.and_then(|one| Cost::of(&one.program));
        match cost {
            Ok(cost) => {
                findings.extend(cost.over().map(|what| format!("{name}: {what}")));
                most = most.max(cost);
            }
            Err(cause) => findings.push(format!("{name}: {cause}")),
        }
    }
    let detail = format!(
        "at most {} of {MAX_INSTRUCTIONS}, {} of {MAX_BRANCHES} on a path",
        count(most.instructions, "instruction"),
        count(most.branches, "conditional jump"),
    );
    Check::with_findings(NAME, detail, findings)
}

/// What a program costs, at its worst path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    instructions: usize,
    branches: usize,
    farthest_jump: usize,
    tail_calls: usize,
}

/// The worst path from an instruction on.
#[derive(Clone, Copy, Default)]
struct Path {
    branches: usize,
    tail_calls: usize,
}

impl Path {
    fn max(self, other: Self) -> Self {
        Self {
            branches: self.branches.max(other.branches),
            tail_calls: self.tail_calls.max(other.tail_calls),
        }
    }
}

impl Cost {
    /// Walks the code backwards: jumps only go forward, so what follows is known.
    fn of(program: &Program) -> Result<Self, String> {
        let code = &program.code;
        let mut cost = Self {
            instructions: code.len(),
            ..Self::default()
        };
        let mut paths = vec![Path::default(); code.len()];
        for (at, insn) in code.iter().enumerate().rev() {
            let path = cost.step(at, *insn, &paths)?;
            if let Some(slot) = paths.get_mut(at) {
                *slot = path;
            }
        }
        let start = paths.first().copied().unwrap_or_default();
        cost.branches = start.branches;
        cost.tail_calls = start.tail_calls;
        Ok(cost)
    }

    /// The worst path from this instruction on, when those behind it are known.
    fn step(&mut self, at: usize, insn: Insn, paths: &[Path]) -> Result<Path, String> {
        const CLASS: u8 = 0x07;
        const JUMPS: [u8; 2] = [0x05, 0x06];
        // The second half of a 64-bit load; nothing falls into it.
        if insn.opcode == 0 {
            return Ok(Path::default());
        }
        let after = |distance: usize| {
            let path = paths.get(at + distance).copied();
            path.ok_or_else(|| format!("instruction {at} leaves the program"))
        };
        if insn.opcode == opcode::LOAD_IMM64 {
            return after(2);
        }
        if !JUMPS.contains(&(insn.opcode & CLASS)) {
            return after(1);
        }
        match insn.opcode {
            opcode::EXIT => Ok(Path::default()),
            opcode::CALL => {
                if insn.source != 0 || !(1..=LAST_HELPER).contains(&insn.immediate) {
                    return Err(format!("instruction {at} calls no helper of Linux 5.10"));
                }
                let mut path = after(1)?;
                path.tail_calls += usize::from(insn.immediate == helper::TAIL_CALL);
                Ok(path)
            }
            other => {
                let distance = usize::try_from(insn.offset)
                    .map_err(|_| format!("instruction {at} jumps back"))?;
                self.farthest_jump = self.farthest_jump.max(distance);
                let target = after(distance + 1)?;
                if other == opcode::JUMP {
                    return Ok(target);
                }
                let mut path = target.max(after(1)?);
                path.branches += 1;
                Ok(path)
            }
        }
    }

    fn over(self) -> impl Iterator<Item = String> {
        [
            (self.instructions, MAX_INSTRUCTIONS, "instructions"),
            (self.branches, MAX_BRANCHES, "conditional jumps on a path"),
            (self.farthest_jump, MAX_JUMP, "instructions in one jump"),
            (self.tail_calls, MAX_TAIL_CALLS, "tail calls on a path"),
        ]
        .into_iter()
        .filter(|(cost, budget, _)| cost > budget)
        .map(|(cost, budget, what)| format!("{cost} {what}; the budget is {budget}"))
    }

    fn max(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.max(other.instructions),
            branches: self.branches.max(other.branches),
            farthest_jump: self.farthest_jump.max(other.farthest_jump),
            tail_calls: self.tail_calls.max(other.tail_calls),
        }
    }
}

#[cfg(test)]
mod tests {
    use polc_codegen::{asm::Assembler, insn::Register};

    use super::*;

    fn cost(build: impl FnOnce(&mut Assembler)) -> Result<Cost, String> {
        let mut asm = Assembler::default();
        build(&mut asm);
        Cost::of(&asm.assemble("f".to_owned()).unwrap())
    }

    #[test]
    fn the_longest_path_counts() {
        let found = cost(|asm| {
            let (left, end) = (asm.label(), asm.label());
            asm.jump_if_null(Register::R1, left);
            asm.jump_if_null(Register::R2, end);
            asm.jump_if_null(Register::R3, end);
            asm.call(helper::TAIL_CALL);
            asm.jump(end);
            asm.place(left);
            asm.jump_if_null(Register::R4, end);
            asm.place(end);
            asm.call(helper::TAIL_CALL);
            asm.exit();
        });
        let expected = Cost {
            instructions: 8,
            branches: 3,
            farthest_jump: 4,
            tail_calls: 2,
        };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn a_path_with_too_many_tests_is_over() {
        let many = cost(|asm| {
            let end = asm.label();
            for _ in 0..=MAX_BRANCHES {
                asm.jump_if_null(Register::R1, end);
            }
            asm.place(end);
            asm.exit();
        });
        let over: Vec<String> = many.unwrap().over().collect();
        let expected = "4097 conditional jumps on a path; the budget is 4096";
        assert_eq!(over, [expected]);
    }

    #[test]
    fn what_no_generator_writes_is_refused() {
        let leaves = cost(|asm| asm.set(Register::R0, 0));
        assert_eq!(leaves, Err("instruction 0 leaves the program".to_owned()));
        let calls = cost(|asm| {
            asm.call(LAST_HELPER + 1);
            asm.exit();
        });
        let expected = "instruction 0 calls no helper of Linux 5.10";
        assert_eq!(calls, Err(expected.to_owned()));
        let mut back = Program {
            name: "f".to_owned(),
            code: vec![Insn::default(); 2],
            relocations: Vec::new(),
            lines: Vec::new(),
        };
        back.code[1].opcode = opcode::JUMP;
        back.code[1].offset = -2;
        assert_eq!(Cost::of(&back), Err("instruction 1 jumps back".to_owned()));
    }
}
