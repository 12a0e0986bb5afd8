//! One program under prevail.
//!
//! It is linked as a node links it, with every block of selectors so near the end of a signature
//! that the words behind it, which the program may read with it, end with the signature.

use std::panic::{AssertUnwindSafe, catch_unwind};

use polc_abi::policy::{
    CONTINUATIONS, CONTINUATIONS_MAP, INPUT_MAP, MAX_SIGNATURE_BYTES, PORT_NAMES_MAP,
    PROGRAM_SLOTS, PolicyInput, PortNamesKey, SIGNATURES_MAP,
};
use polc_codegen::{Program, Target};
use prevail::{
    crab::{ebpf_domain::DomainContext, var_registry::VariableRegistry},
    fwd_analyzer,
    ir::{self, unmarshal},
    linux::linux_platform::LinuxPlatform,
    platform::EbpfPlatform as _,
    spec::{
        config::{EbpfRuntimeConfig, EbpfVerifierOptions},
        type_descriptors::{EbpfMapDescriptor, ProgramInfo},
        vm_isa::EbpfInst,
    },
};

/// Bytes of stack that the dataplane allows a program; the kernel has twice as many.
const STACK_BYTES: i32 = 256;

const INPUT_FD: i32 = 1;
const CONTINUATIONS_FD: i32 = 2;
const SIGNATURES_FD: i32 = 3;
const POLICIES_FD: i32 = 4;
const TABLE_FD: i32 = 5;
const PORT_NAMES_FD: i32 = 6;
const BPF_MAP_TYPE_HASH: u32 = 1;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_PROG_ARRAY: u32 = 3;
const BPF_MAP_TYPE_PERCPU_ARRAY: u32 = 6;

/// Says why the program is not safe, as far as prevail can tell.
pub(super) fn analyze(program: &Program, table_bytes: usize) -> Result<(), String> {
    // Whatever a bundle makes prevail do, polc goes on to the next check.
    catch_unwind(AssertUnwindSafe(|| verify(program, table_bytes)))
        .unwrap_or_else(|_| Err("prevail gave up on it".to_owned()))
}

fn verify(program: &Program, table_bytes: usize) -> Result<(), String> {
    let maps = maps(table_bytes);
    let code = linked(program)?;
    let mut platform = LinuxPlatform::new();
    let program_type = platform.get_program_type("classifier", "");
    platform.map_descriptors = maps.clone();
    platform.set_program_type(&program_type);
    let mut info = ProgramInfo {
        map_descriptors: maps,
        program_type,
        supported_conformance_groups: platform.conformance_groups,
        ..ProgramInfo::default()
    };
    let options = EbpfVerifierOptions {
        runtime: EbpfRuntimeConfig {
            strict: true,
            check_for_termination: true,
            subprogram_stack_size: STACK_BYTES,
            ..EbpfRuntimeConfig::default()
        },
        ..EbpfVerifierOptions::default()
    };
    let instructions =
        unmarshal::unmarshal(&code, &mut Vec::new(), &info, &platform, &options).map_err(text)?;
    let flow = ir::program::Program::from_sequence(&instructions, &mut info, &platform, &options)
        .map_err(text)?;
    let context = DomainContext {
        program_info: &info,
        program: &flow,
        runtime: &options.runtime,
        options: &options,
        platform: &platform,
    };
    let result = fwd_analyzer::analyze(&flow, &context, &mut VariableRegistry::new());
    if !result.failed {
        return Ok(());
    }
    Err(match result.find_first_error() {
        Some(error) => match error.label {
            Some(label) => format!("instruction {}: {}", label.from, error.message),
            None => error.message,
        },
        None => "prevail refuses it".to_owned(),
    })
}

fn text(cause: impl std::fmt::Display) -> String {
    cause.to_string()
}

fn linked(program: &Program) -> Result<Vec<EbpfInst>, String> {
    let code = program.link_for_verifier(|target| match target {
        Target::InputMap => Some(INPUT_FD),
        Target::ContinuationsMap => Some(CONTINUATIONS_FD),
        Target::SignaturesMap => Some(SIGNATURES_FD),
        Target::PortNamesMap => Some(PORT_NAMES_FD),
        Target::PoliciesMap => Some(POLICIES_FD),
        Target::Table(_) => Some(TABLE_FD),
        Target::Part(_) | Target::Block(_) | Target::Name(_) => None,
    });
    let code = code.map_err(text)?.into_iter().map(|insn| {
        EbpfInst::new(
            insn.opcode,
            insn.destination,
            insn.source,
            insn.offset,
            insn.immediate,
        )
    });
    Ok(code.collect())
}

fn maps(table_bytes: usize) -> Vec<EbpfMapDescriptor> {
    let map = |name: &str, fd, map_type, value_size, max_entries| EbpfMapDescriptor {
        original_fd: fd,
        map_type,
        key_size: 4,
        value_size,
        max_entries,
        name: name.to_owned(),
        ..EbpfMapDescriptor::default()
    };
    #[expect(clippy::cast_possible_truncation, reason = "structures of a few bytes")]
    let (input, signature) = (size_of::<PolicyInput>() as u32, MAX_SIGNATURE_BYTES as u32);
    let table = u32::try_from(table_bytes).unwrap_or(u32::MAX);
    let (array, programs) = (BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PROG_ARRAY);
    let per_cpu = BPF_MAP_TYPE_PERCPU_ARRAY;
    // An array on a node. Of an array prevail wants to know that there is such a row, which programs
    // do not know and the kernel does not ask: a lookup beside the rows finds nothing, as in a hash.
    let hash = BPF_MAP_TYPE_HASH;
    let slots = PROGRAM_SLOTS;
    let policies = polc_abi::map::POLICIES;
    #[expect(clippy::cast_possible_truncation, reason = "structures of a few bytes")]
    let port_names = EbpfMapDescriptor {
        key_size: size_of::<PortNamesKey>() as u32,
        ..map(PORT_NAMES_MAP, PORT_NAMES_FD, hash, 8, 1)
    };
    vec![
        port_names,
        map(INPUT_MAP, INPUT_FD, per_cpu, input, 1),
        map(
            CONTINUATIONS_MAP,
            CONTINUATIONS_FD,
            programs,
            4,
            CONTINUATIONS,
        ),
        map(SIGNATURES_MAP, SIGNATURES_FD, hash, signature, 1),
        map(policies, POLICIES_FD, programs, 4, slots),
        map("policy_table", TABLE_FD, array, table, 1),
    ]
}

#[cfg(test)]
mod tests {
    use polc_codegen::{
        asm::{Assembler, Width},
        insn::{Register, helper},
    };

    use super::*;

    /// The beginning of every program: the input in `r0`.
    fn look_up(asm: &mut Assembler) {
        look_up_in(asm, Target::InputMap);
    }

    fn look_up_in(asm: &mut Assembler, map: Target) {
        asm.store_u32(Register::R10, -4, 0);
        asm.copy(Register::R2, Register::R10);
        asm.add(Register::R2, -4);
        asm.load_target(Register::R1, map);
        asm.call(helper::MAP_LOOKUP);
    }

    fn analyzed(build: impl FnOnce(&mut Assembler)) -> Result<(), String> {
        let mut asm = Assembler::default();
        build(&mut asm);
        asm.set(Register::R0, 0);
        asm.exit();
        analyze(&asm.assemble("f".to_owned()).unwrap(), 0)
    }

    /// Reads four bytes at this offset of the input, after the null check.
    fn reads(offset: i16) -> Result<(), String> {
        analyzed(|asm| {
            let end = asm.label();
            look_up(asm);
            asm.jump_if_null(Register::R0, end);
            asm.load(Width::U32, Register::R1, Register::R0, offset);
            asm.place(end);
        })
    }

    #[test]
    fn reading_inside_the_input_is_fine() {
        assert_eq!(reads(0), Ok(()));
        assert_eq!(reads(36), Ok(()));
    }

    #[test]
    fn reading_behind_or_before_the_input_is_refused() {
        assert!(reads(40).unwrap_err().contains("instruction"));
        assert!(reads(-4).is_err());
    }

    #[test]
    fn a_missing_null_check_is_refused() {
        let found = analyzed(|asm| {
            look_up(asm);
            asm.load(Width::U32, Register::R1, Register::R0, 0);
        });
        assert!(found.is_err());
    }

    #[test]
    fn a_block_is_taken_at_the_end() {
        let at = |offset| {
            analyzed(|asm| {
                let end = asm.label();
                look_up_in(asm, Target::SignaturesMap);
                asm.jump_if_null(Register::R0, end);
                asm.load_target(
                    Register::R3,
                    Target::Block(polc_codegen::program::BlockId { index: 7, bytes: 8 }),
                );
                asm.add_register(Register::R3, Register::R0);
                asm.load(Width::U32, Register::R1, Register::R3, offset);
                asm.place(end);
            })
        };
        assert_eq!(at(4), Ok(()));
        assert!(at(8).is_err());
    }

    #[test]
    fn a_deep_stack_is_refused() {
        let at = |offset| analyzed(|asm| asm.store_u32(Register::R10, offset, 0));
        assert_eq!(at(-256), Ok(()));
        assert!(at(-260).is_err());
    }

    #[test]
    fn code_that_runs_off_its_end_is_refused() {
        let mut asm = Assembler::default();
        asm.set(Register::R0, 0);
        assert!(analyze(&asm.assemble("f".to_owned()).unwrap(), 0).is_err());
    }
}
