//! Generated programs: into slots, after each has shown that it gives a verdict.
//!
//! A program that is loaded already serves again: when the same bytes are wanted with the same places
//! for what they ask about. So a change of one policy loads the programs of its own classes, and a
//! change of the inventory most often none.

mod class;
mod facts;
mod slots;

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    sync::{Arc, Weak},
};

use bytes::Bytes;
use polc_abi::{
    map,
    node::Side,
    policy::{CONTINUATIONS_MAP, INPUT_MAP, MAX_PROGRAMS, PolicyInput},
};
use polc_bundle::Bundle;
use polc_codegen::{Filling, Target, elf};
use polc_plan::ClassPlan;

use crate::{
    Error,
    candidate::Candidate,
    pins::Pins,
    sys::{
        create::ReadOnly,
        map::Map,
        program::{DebugInfo, LoadedProgram, ProgramSource},
    },
};

use class::{Class, Places};
use facts::Facts;
use slots::Slots;

/// A generated program in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassProgram {
    /// The policies it was made of, in words.
    pub class: String,
    /// How many instructions the verifier looked at.
    pub verified_instructions: u32,
}

/// The generated programs of both sides.
pub(super) struct Programs {
    slots: Slots,
    continuations: Map<u32, u32>,
    input: Map<u32, PolicyInput>,
    /// What the programs in `loaded` read. `None` before the first side is filled.
    facts: Option<Facts>,
    /// By class, in words.
    loaded: BTreeMap<String, Vec<Loaded>>,
    /// Slots of programs that are not in `loaded`: another agent's, and those that read facts of
    /// before.
    left_over: Vec<u32>,
}

/// The programs of a class, loaded.
struct Loaded {
    /// The bundle and the class whose programs they are known to be.
    known_as: (Weak<Bundle>, Weak<ClassPlan>),
    /// What they were made of: part of a bundle's file, which it keeps in memory.
    file: Bytes,
    places: Places,
    /// The root's, then those of the parts.
    slots: Vec<u32>,
    verified_instructions: u32,
    /// The sides whose endpoints call them.
    used_by: [bool; 2],
}

/// What a side's endpoints call and name.
pub(super) struct Filled {
    /// The root's slot of each class, in the order of the candidate's.
    pub(super) slots: Vec<u32>,
    /// What the rows of the candidate's peers are counted from.
    pub(super) first_row: u32,
    /// The programs, in order of class.
    pub(super) programs: Vec<ClassProgram>,
    /// How many of the classes were loaded anew.
    pub(super) loaded: usize,
}

impl Programs {
    pub(super) fn open(pins: &Pins) -> Result<Self, Error> {
        let opening = || Error::kernel("opening a program array");
        let policies = Map::open(&pins.map(map::POLICIES)).map_err(opening())?;
        let (slots, left_over) = Slots::of(policies).map_err(opening())?;
        Ok(Self {
            left_over,
            slots,
            continuations: Map::open(&pins.map(CONTINUATIONS_MAP)).map_err(opening())?,
            // Only its descriptor is used.
            input: Map::open(&pins.map(INPUT_MAP)).map_err(opening())?,
            facts: None,
            loaded: BTreeMap::new(),
        })
    }

    /// Whether programs are loaded that a candidate can go on with, which keeps to the places of the
    /// one in force.
    pub(super) const fn can_go_on(&self) -> bool {
        self.facts.is_some()
    }

    /// Loads and tries what the candidate needs and is not there. Only for the side that is not in
    /// force.
    pub(super) fn fill(&mut self, side: Side, candidate: &Candidate) -> Result<Filled, Error> {
        self.unload(side, Vec::new())?;
        let first_row = self.fill_facts(side, candidate)?;
        let mut filled = Filled {
            slots: Vec::with_capacity(candidate.tables.classes.len()),
            first_row,
            programs: Vec::with_capacity(candidate.tables.classes.len()),
            loaded: 0,
        };
        let mut slots = 0;
        for plan in &candidate.tables.classes {
            let class = Class::new(candidate, plan);
            let places = class.places();
            let versions = self.loaded.get(&class.name);
            let known = versions.and_then(|versions| {
                let is_it = |one: &Loaded| one.is_of(candidate, plan) && one.places == places;
                versions.iter().position(is_it)
            });
            let mut file = None;
            let position = match known {
                Some(position) => position,
                None => {
                    let file: &Bytes = file.insert(class.file()?);
                    let is_it = |one: &Loaded| one.file == *file && one.places == places;
                    match versions.and_then(|versions| versions.iter().position(is_it)) {
                        Some(position) => position,
                        None => {
                            filled.loaded += 1;
                            let loaded = self.load(&class, file.clone(), places)?;
                            let versions = self.loaded.entry(class.name.clone()).or_default();
                            versions.push(loaded);
                            versions.len() - 1
                        }
                    }
                }
            };
            let versions = self.loaded.get_mut(&class.name);
            let Some(loaded) = versions.and_then(|versions| versions.get_mut(position)) else {
                continue;
            };
            loaded.known_as = (Arc::downgrade(candidate.bundle()), Arc::downgrade(plan));
            if let Some(file) = file {
                // The same bytes, of the file that is kept anyway.
                loaded.file = file;
            }
            loaded.set_used(side, true);
            slots += loaded.slots.len();
            if slots > MAX_PROGRAMS as usize {
                return Err(too_many());
            }
            filled.slots.extend(loaded.slots.first());
            filled.programs.push(ClassProgram {
                class: class.name,
                verified_instructions: loaded.verified_instructions,
            });
        }
        Ok(filled)
    }

    /// Unloads what the other side alone used. Only once no packet uses it.
    pub(super) fn retire(&mut self, side: Side) -> Result<(), Error> {
        let left_over = std::mem::take(&mut self.left_over);
        self.unload(side, left_over)
    }

    /// Unloads what only this side used, and what is in these slots.
    fn unload(&mut self, side: Side, mut unused: Vec<u32>) -> Result<(), Error> {
        self.loaded.retain(|_, versions| {
            versions.retain_mut(|loaded| {
                loaded.set_used(side, false);
                let used = loaded.used_by.contains(&true);
                if !used {
                    unused.append(&mut loaded.slots);
                }
                used
            });
            !versions.is_empty()
        });
        self.slots
            .free(unused)
            .map_err(Error::kernel("emptying a program slot"))
    }

    /// Writes what the programs look up; where it does not fit, into new maps, so that no program that
    /// is loaded serves any more. The row that the side's peers count from.
    fn fill_facts(&mut self, side: Side, candidate: &Candidate) -> Result<u32, Error> {
        let mut facts = match self.facts.take() {
            Some(facts) if facts.hold(&candidate.tables) => facts,
            _ => {
                self.give_up_loaded();
                Facts::new(&candidate.tables)?
            }
        };
        // After an error there are none: the next candidate gets new ones.
        if let Err(error) = facts.fill(side, &candidate.tables) {
            self.give_up_loaded();
            return Err(error);
        }
        let first_row = facts.first_row(side);
        self.facts = Some(facts);
        Ok(first_row)
    }

    /// Makes all programs left over: none of them serves another candidate.
    fn give_up_loaded(&mut self) {
        let loaded = std::mem::take(&mut self.loaded).into_values().flatten();
        self.left_over
            .extend(loaded.flat_map(|loaded| loaded.slots));
    }

    /// Loads the programs of a class into slots of their own, and tries them.
    fn load(&mut self, class: &Class<'_>, file: Bytes, places: Places) -> Result<Loaded, Error> {
        let parsed = elf::read(&file).map_err(|cause| class.broken(&cause.to_string()))?;
        let count = parsed.class.parts.len() + 1;
        let slots = self.slots.take(count).ok_or_else(too_many)?;
        match self.load_into(class, &parsed, &places, &slots) {
            Ok(verified_instructions) => Ok(Loaded {
                known_as: (Weak::new(), Weak::new()),
                file,
                places,
                slots,
                verified_instructions,
                used_by: [false; 2],
            }),
            Err(error) => {
                // No endpoint calls them.
                let _ = self.slots.free(slots);
                Err(error)
            }
        }
    }

    /// How many instructions the verifier looked at, of the program for which it was most.
    fn load_into(
        &self,
        class: &Class<'_>,
        file: &elf::File,
        places: &Places,
        slots: &[u32],
    ) -> Result<u32, Error> {
        let programs = self.load_programs(class, file, places, slots)?;
        // The root last: it is tried, and calls its parts.
        for (&slot, program) in slots.iter().zip(&programs).rev() {
            self.slots
                .put(slot, program)
                .map_err(Error::kernel("filling a program slot"))?;
        }
        if let Some(root) = programs.first() {
            root.test_run()
                .map_err(|cause| class.broken(&cause.to_string()))?;
        }
        let verified = programs
            .iter()
            .map(|program| program.verified_instructions().unwrap_or(0));
        Ok(verified.max().unwrap_or(0))
    }

    /// Loads the programs of a class, the root first.
    fn load_programs(
        &self,
        class: &Class<'_>,
        file: &elf::File,
        places: &Places,
        slots: &[u32],
    ) -> Result<Vec<LoadedProgram>, Error> {
        let table = match file.class.table.as_slice() {
            [] => None,
            bytes => Some(
                ReadOnly::new("policy_table", bytes)
                    .map_err(Error::kernel("making a program's table"))?,
            ),
        };
        let descriptor = |fd: BorrowedFd<'_>| Some(Filling::Descriptor(fd.as_raw_fd()));
        let resolve = |target| match target {
            Target::InputMap => descriptor(self.input.as_fd()),
            Target::ContinuationsMap => descriptor(self.continuations.as_fd()),
            Target::SignaturesMap => descriptor(self.facts.as_ref()?.signatures()),
            Target::PortNamesMap => descriptor(self.facts.as_ref()?.port_names()),
            Target::PoliciesMap => descriptor(self.slots.array().as_fd()),
            Target::Table(_) => descriptor(table.as_ref()?.as_fd()),
            Target::Block(_) | Target::Name(_) => places.of(target).map(Filling::Number),
            Target::Part(part) => {
                let slot = slots.get(part as usize + 1)?;
                Some(Filling::Number((*slot).into()))
            }
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

fn too_many() -> Error {
    Error::TooLarge(format!(
        "the policies on this node need more than {MAX_PROGRAMS} programs"
    ))
}

impl Loaded {
    /// Whether it is known to be what this class of the candidate's is made of. What it is made of alone
    /// says so for sure, and must be compiled first where the bundle does not have it.
    fn is_of(&self, candidate: &Candidate, plan: &Arc<ClassPlan>) -> bool {
        let (bundle, known) = &self.known_as;
        std::ptr::eq(bundle.as_ptr(), Arc::as_ptr(candidate.bundle()))
            && std::ptr::eq(known.as_ptr(), Arc::as_ptr(plan))
    }

    const fn set_used(&mut self, side: Side, used: bool) {
        let [zero, one] = &mut self.used_by;
        match side {
            Side::Zero => *zero = used,
            Side::One => *one = used,
        }
    }
}
