//! A class's programs in the kernel, with maps of the bench's own.

use std::{
    os::fd::{AsFd as _, AsRawFd as _},
    time::{Duration, Instant},
};

use polc_abi::policy::{self, CONTINUATIONS, PolicyInput};
use polc_agent::sys::{
    create::{Kind, ReadOnly, WordRows},
    map::Map,
    program::LoadedProgram,
};
use polc_codegen::{ClassProgram, Filling, Target, insn::Register};
use polc_plan::Layout;
use polc_tables::{Placement, Signatures};

use super::{
    Result,
    code::{Code, Width, load},
};

/// Programs of one class, and a little more.
const SLOTS: u32 = 64;

/// What the datapath keeps around generated programs.
pub(super) struct Maps {
    pub(super) input: Map<u32, PolicyInput>,
    pub(super) policies: Map<u32, u32>,
    pub(super) continuations: Map<u32, u32>,
    /// Kept alive by the program array too; here so that nobody wonders.
    _judged: LoadedProgram,
}

impl Maps {
    /// Makes the maps, with a continuation that reads the verdict, makes the input ready for the
    /// next packet, and returns.
    pub(super) fn new() -> Result<Self> {
        let input = Map::create("bench_input", Kind::PerCpuArray, 1)?;
        let policies = Map::create("bench_policies", Kind::Programs, SLOTS)?;
        let continuations = Map::create("bench_continue", Kind::Programs, CONTINUATIONS)?;
        let mut code = Code::default();
        code.store_value(Register::R10, -4, 0)
            .lookup(&input, -4)
            .give_up_if_null(Register::R0)
            .load(
                Width::U32,
                Register::R1,
                Register::R0,
                at(policy::offset::VERDICT),
            )
            .store_value(Register::R0, at(policy::offset::VERDICT), 0)
            .store_value(Register::R0, at(policy::offset::ROW), 0)
            .copy(Register::R0, Register::R1)
            .exit();
        let judged = code.program("bench_judged")?;
        continuations.set(&policy::CONTINUATION_JUDGED, &descriptor(&judged))?;
        Ok(Self {
            input,
            policies,
            continuations,
            _judged: judged,
        })
    }

    /// Puts the program that decides nothing into the slot: it looks up the input, says that the
    /// packet may pass, and goes on. What a program costs beyond it is its decision.
    pub(super) fn put_nothing(&self) -> Result<()> {
        let mut code = Code::default();
        code.copy(Register::R6, Register::R1)
            .store_value(Register::R10, -4, 0)
            .lookup(&self.input, -4)
            .give_up_if_null(Register::R0)
            .store_value(Register::R0, at(policy::offset::VERDICT), 1)
            .tail_call(Register::R6, &self.continuations, 0);
        self.policies
            .set(&0, &descriptor(&code.program("bench_nothing")?))?;
        Ok(())
    }

    /// Loads a class's programs, the root into slot 0.
    pub(super) fn put(
        &self,
        class: &ClassProgram,
        signatures: &WordRows,
        layout: &Layout,
        placement: &Placement,
    ) -> Result<Put> {
        let table = match class.table.as_slice() {
            [] => None,
            bytes => Some(ReadOnly::new("bench_table", bytes)?),
        };
        let mut put = Put::default();
        for (slot, program) in (0..).zip(class.programs()) {
            let code = program.link(|target| {
                let descriptor = match target {
                    Target::InputMap => self.input.as_fd(),
                    Target::ContinuationsMap => self.continuations.as_fd(),
                    Target::SignaturesMap => signatures.as_fd(),
                    Target::PoliciesMap => self.policies.as_fd(),
                    Target::Table(_) => table.as_ref()?.as_fd(),
                    Target::Block(block) => {
                        let byte = placement.byte_of(layout, block.index)?;
                        return Some(Filling::Number(byte as u64));
                    }
                    // No package here has a named port.
                    Target::PortNamesMap | Target::Name(_) => return None,
                    Target::Part(part) => return Some(Filling::Number(u64::from(part) + 1)),
                };
                Some(Filling::Descriptor(descriptor.as_raw_fd()))
            })?;
            let started = Instant::now();
            let loaded = load(&program.name, &code)?;
            put.load_time += started.elapsed();
            put.verified += loaded.verified_instructions()?;
            put.machine_code += loaded.machine_code_bytes()?;
            self.policies.set(&slot, &descriptor(&loaded))?;
        }
        Ok(put)
    }
}

/// What the kernel made of a class.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Put {
    /// The verifier's time and the compiler's, for all programs.
    pub(super) load_time: Duration,
    /// Instructions that the verifier looked at.
    pub(super) verified: u32,
    /// Bytes of machine code.
    pub(super) machine_code: u32,
}

/// The signatures of a node as its programs read them.
pub(super) fn rows(signatures: &Signatures) -> Result<WordRows> {
    Ok(WordRows::new(
        "bench_rows",
        signatures.words(),
        signatures.bits(),
    )?)
}

/// An offset into the input, as instructions hold it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "offsets of a structure far smaller than that"
)]
pub(super) const fn at(offset: usize) -> i16 {
    offset as i16
}

fn descriptor(program: &LoadedProgram) -> u32 {
    program.as_fd().as_raw_fd().unsigned_abs()
}
