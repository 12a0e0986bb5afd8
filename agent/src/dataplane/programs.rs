//! Generated programs: into their slots, after each has shown that it gives a verdict.

use std::os::fd::{AsFd as _, AsRawFd as _};

use polc_abi::{
    map,
    node::Side,
    policy::{CONTINUATIONS_MAP, INPUT_MAP, SLOTS_PER_SIDE, offset},
};
use polc_codegen::{Target, elf};
use polc_model::Phase;
use polc_plan::ClassPlan;

use crate::{
    Error,
    candidate::Candidate,
    pins::Pins,
    sys::{
        map::Map,
        program::{DebugInfo, LoadedProgram, ProgramSource},
    },
};

/// A generated program in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassProgram {
    /// The policies it was made of, in words.
    pub class: String,
    /// How many instructions the verifier looked at.
    pub verified_instructions: u32,
}

/// The program slots of both sides.
pub(super) struct Slots {
    policies: Map<u32, u32>,
    continuations: Map<u32, u32>,
    input: Map<u32, u32>,
}

impl Slots {
    pub(super) fn open(pins: &Pins) -> Result<Self, Error> {
        let opening = || Error::kernel("opening a program array");
        Ok(Self {
            policies: Map::open(&pins.map(map::POLICIES)).map_err(opening())?,
            continuations: Map::open(&pins.map(CONTINUATIONS_MAP)).map_err(opening())?,
            // Only its descriptor is used.
            input: Map::open(&pins.map(INPUT_MAP)).map_err(opening())?,
        })
    }

    /// Empties a side. Only for the side that is not in force.
    pub(super) fn clear(&self, side: Side) -> Result<(), Error> {
        let first = side.first_slot();
        for slot in first..first + SLOTS_PER_SIDE {
            self.policies
                .remove(&slot)
                .map_err(Error::kernel("emptying a program slot"))?;
        }
        Ok(())
    }

    /// Loads and tries the candidate's programs. Only for the side that is not in force.
    pub(super) fn fill(
        &self,
        side: Side,
        candidate: &Candidate,
    ) -> Result<Vec<ClassProgram>, Error> {
        let mut programs = Vec::new();
        for (slot, class) in (side.first_slot()..).zip(&candidate.tables.classes) {
            let name = in_words(candidate, class);
            let program = self.load(candidate, class, &name)?;
            program.test_run().map_err(|cause| Error::ProgramFails {
                class: name.clone(),
                cause: cause.to_string(),
            })?;
            self.policies
                .set(&slot, &program.as_fd().as_raw_fd().unsigned_abs())
                .map_err(Error::kernel("filling a program slot"))?;
            programs.push(ClassProgram {
                class: name,
                verified_instructions: program.verified_instructions().unwrap_or(0),
            });
        }
        Ok(programs)
    }

    /// Loads the program of a class: the bundle's, or one compiled here, when the bundle's author
    /// did not foresee that an endpoint would be selected by just these policies.
    fn load(
        &self,
        candidate: &Candidate,
        class: &ClassPlan,
        name: &str,
    ) -> Result<LoadedProgram, Error> {
        let broken = |cause: String| Error::ProgramFails {
            class: name.to_owned(),
            cause,
        };
        let compiled;
        let bytes = match candidate.bundle.program(&class.key) {
            Some(bytes) => bytes,
            None => {
                let bundle = &candidate.bundle;
                let program = polc_codegen::compile(&bundle.model, &bundle.plan.layout, class)
                    .map_err(|cause| Error::TooLarge(cause.to_string()))?;
                compiled = elf::write(&program).map_err(|cause| broken(cause.to_string()))?;
                &compiled
            }
        };
        let file = elf::read(bytes).map_err(|cause| broken(cause.to_string()))?;
        let code = file
            .program
            .link(|target| match target {
                Target::InputMap => Some(self.input.as_fd().as_raw_fd()),
                Target::ContinuationsMap => Some(self.continuations.as_fd().as_raw_fd()),
                Target::Block(block) => {
                    let word = candidate.tables.word_of_block(block)?;
                    i32::try_from(offset::SIGNATURE + word * size_of::<u64>()).ok()
                }
            })
            .map_err(|cause| broken(cause.to_string()))?;
        let code: Vec<u8> = code.iter().flat_map(|insn| insn.to_bytes()).collect();
        LoadedProgram::load(ProgramSource {
            name: &file.program.name,
            code: &code,
            debug: Some(DebugInfo {
                btf: &file.btf,
                functions: &file.func_info,
                lines: &file.line_info,
            }),
        })
        .map_err(|refused| Error::ProgramRefused {
            class: name.to_owned(),
            cause: refused.error,
            log: refused.log,
        })
    }
}

/// `ingress of a, b`, or `egress without policies`.
fn in_words(candidate: &Candidate, class: &ClassPlan) -> String {
    let names: Vec<&str> = class
        .key
        .policies
        .iter()
        .filter_map(|&id| candidate.bundle.model.policy(id))
        .map(|policy| policy.name.as_str())
        .collect();
    let direction = match class.key.phase {
        Phase::Ready => class.key.direction.name().to_owned(),
        Phase::Init => format!("{} in init", class.key.direction),
    };
    if names.is_empty() {
        format!("{direction} without policies")
    } else {
        format!("{direction} of {}", names.join(", "))
    }
}
