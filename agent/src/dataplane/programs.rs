//! Generated programs: into their slots, after each has shown that it gives a verdict.

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};

use polc_abi::{
    map,
    node::Side,
    policy::{
        CONTINUATIONS_MAP, INPUT_MAP, PORT_NAMES_MAP, PortNamesKey, SIGNATURES_MAP, SLOTS_PER_SIDE,
    },
};
use polc_codegen::{Compiler, Filling, Limits, Target, elf};
use polc_model::Phase;
use polc_plan::ClassPlan;
use polc_tables::NodeTables;

use crate::{
    Error,
    candidate::Candidate,
    pins::Pins,
    sys::{
        create::{ReadOnly, ReadOnlyHash, WordRows},
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
    ///
    /// Roots of classes are in the side's first slots, their parts behind all of them.
    pub(super) fn fill(
        &self,
        side: Side,
        candidate: &Candidate,
    ) -> Result<Vec<ClassProgram>, Error> {
        let tables = &candidate.tables;
        let facts = Facts::of(tables)?;
        let mut free = side.first_slot() + tables.classes.len() as u32;
        let mut programs = Vec::new();
        for (slot, class) in (side.first_slot()..).zip(&tables.classes) {
            let class = Class {
                candidate,
                plan: class,
                name: in_words(candidate, class),
            };
            let file = class.file()?;
            let parts: Vec<u32> = (free..).take(file.class.parts.len()).collect();
            free += parts.len() as u32;
            if free > side.first_slot() + SLOTS_PER_SIDE {
                return Err(Error::TooLarge(format!(
                    "the policies on this node need more than {SLOTS_PER_SIDE} programs"
                )));
            }
            let loaded = self.load(&class, &file, &facts, &parts)?;
            // The root last: it is tried, and calls its parts.
            let slots = [slot].into_iter().chain(parts);
            let slots: Vec<(u32, &LoadedProgram)> = slots.zip(&loaded).collect();
            for (slot, program) in slots.iter().rev() {
                self.policies
                    .set(slot, &program.as_fd().as_raw_fd().unsigned_abs())
                    .map_err(Error::kernel("filling a program slot"))?;
            }
            if let Some((_, root)) = slots.first() {
                root.test_run()
                    .map_err(|cause| class.broken(&cause.to_string()))?;
            }
            programs.push(ClassProgram {
                class: class.name.clone(),
                verified_instructions: loaded
                    .iter()
                    .map(|program| program.verified_instructions().unwrap_or(0))
                    .max()
                    .unwrap_or(0),
            });
        }
        Ok(programs)
    }

    /// Loads the programs of a class, the root first.
    fn load(
        &self,
        class: &Class<'_>,
        file: &elf::File,
        facts: &Facts,
        parts: &[u32],
    ) -> Result<Vec<LoadedProgram>, Error> {
        let table = match file.class.table.as_slice() {
            [] => None,
            bytes => Some(
                ReadOnly::new("policy_table", bytes)
                    .map_err(Error::kernel("making a program's table"))?,
            ),
        };
        let descriptor = |fd: BorrowedFd<'_>| Some(Filling::Descriptor(fd.as_raw_fd()));
        let number = |number: usize| Some(Filling::Number(number as u64));
        let resolve = |target| match target {
            Target::InputMap => descriptor(self.input.as_fd()),
            Target::ContinuationsMap => descriptor(self.continuations.as_fd()),
            Target::SignaturesMap => descriptor(facts.signatures.as_fd()),
            Target::PortNamesMap => descriptor(facts.port_names.as_fd()),
            Target::PoliciesMap => descriptor(self.policies.as_fd()),
            Target::Table(_) => descriptor(table.as_ref()?.as_fd()),
            Target::Block(block) => {
                let placement = &class.candidate.tables.placement;
                number(placement.byte_of(&class.plan.layout, block.index)?)
            }
            Target::Name(name) => {
                let placement = &class.candidate.tables.placement;
                number(placement.bit_of(&class.plan.layout, name)?.0 as usize)
            }
            Target::Part(part) => number(*parts.get(part as usize)? as usize),
        };
        let programs = file.class.programs().zip(&file.infos);
        programs
            .map(|(program, infos)| {
                let code = program
                    .link(resolve)
                    .map_err(|cause| class.broken(&cause.to_string()))?;
                let code: Vec<u8> = code.iter().flat_map(|insn| insn.to_bytes()).collect();
                LoadedProgram::load(ProgramSource {
                    name: &program.name,
                    code: &code,
                    debug: Some(DebugInfo {
                        btf: &file.btf,
                        functions: &infos.func_info,
                        lines: &infos.line_info,
                    }),
                })
                .map_err(|refused| Error::ProgramRefused {
                    class: class.name.clone(),
                    cause: refused.error,
                    log: refused.log,
                })
            })
            .collect()
    }
}

/// What the programs of a side read about peers: maps made for it, which live as long as the programs.
struct Facts {
    signatures: WordRows,
    port_names: ReadOnlyHash,
}

impl Facts {
    fn of(tables: &NodeTables) -> Result<Self, Error> {
        let signatures = &tables.signatures;
        let (ports, names): (Vec<PortNamesKey>, Vec<u64>) = tables
            .port_names
            .iter()
            .map(|(port, names)| (*port, names.0))
            .unzip();
        Ok(Self {
            signatures: WordRows::new(SIGNATURES_MAP, signatures.words(), signatures.bits())
                .map_err(Error::kernel("making the signatures"))?,
            port_names: ReadOnlyHash::new(PORT_NAMES_MAP, &ports, &names)
                .map_err(Error::kernel("making the names of ports"))?,
        })
    }
}

/// A class of the candidate.
struct Class<'a> {
    candidate: &'a Candidate,
    plan: &'a ClassPlan,
    name: String,
}

impl Class<'_> {
    /// The programs: the bundle's, or compiled here, when the bundle's author did not foresee that
    /// an endpoint would be selected by just these policies.
    fn file(&self) -> Result<elf::File, Error> {
        let bundle = &self.candidate.bundle;
        let compiled;
        let bytes = match bundle.program(&self.plan.key) {
            Some(bytes) => bytes,
            None => {
                let limits = Limits::default();
                let class = Compiler::new(&bundle.model)
                    .compile(self.plan, limits)
                    .map_err(|cause| Error::TooLarge(cause.to_string()))?;
                compiled = elf::write(&class).map_err(|cause| self.broken(&cause.to_string()))?;
                &compiled
            }
        };
        elf::read(bytes).map_err(|cause| self.broken(&cause.to_string()))
    }

    fn broken(&self, cause: &str) -> Error {
        Error::ProgramFails {
            class: self.name.clone(),
            cause: cause.to_owned(),
        }
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
