//! A class of the candidate: its programs, and what they are linked with.

use bytes::Bytes;
use polc_codegen::{Compiler, Limits, Target, elf};
use polc_model::Phase;
use polc_plan::ClassPlan;

use crate::{Error, candidate::Candidate};

/// A class of the candidate.
pub(super) struct Class<'a> {
    candidate: &'a Candidate,
    plan: &'a ClassPlan,
    /// In words; no two classes of a candidate have the same.
    pub(super) name: String,
}

impl<'a> Class<'a> {
    pub(super) fn new(candidate: &'a Candidate, plan: &'a ClassPlan) -> Self {
        Self {
            candidate,
            plan,
            name: in_words(candidate, plan),
        }
    }

    /// The programs' file: the bundle's, or one that is compiled here, when the bundle's author did not
    /// foresee that an endpoint would be selected by just these policies.
    pub(super) fn file(&self) -> Result<Bytes, Error> {
        let bundle = self.candidate.bundle();
        if let Some(bytes) = bundle.program(&self.plan.key) {
            return Ok(bytes.clone());
        }
        let class = Compiler::new(&bundle.model)
            .compile(self.plan, Limits::default())
            .map_err(|cause| Error::TooLarge(cause.to_string()))?;
        let file = elf::write(&class).map_err(|cause| self.broken(&cause.to_string()))?;
        Ok(file.into())
    }

    /// Where the node keeps what the programs ask about: the byte of each block, the bit of each name.
    pub(super) fn places(&self) -> Places {
        let (layout, placement) = (&self.plan.layout, &self.candidate.tables.placement);
        Places {
            blocks: (0..)
                .zip(&layout.blocks)
                .map(|(block, _)| placement.byte_of(layout, block))
                .collect(),
            names: (0..)
                .zip(&layout.names)
                .map(|(name, _)| Some(placement.bit_of(layout, name)?.0))
                .collect(),
        }
    }

    pub(super) fn broken(&self, cause: &str) -> Error {
        Error::ProgramFails {
            class: self.name.clone(),
            cause: cause.to_owned(),
        }
    }
}

/// Where the node keeps what a class's programs ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    blocks: Vec<Option<usize>>,
    names: Vec<Option<u32>>,
}

impl Places {
    /// What is filled in for a block or a name.
    pub(super) fn of(&self, target: Target) -> Option<u64> {
        match target {
            Target::Block(block) => Some((*self.blocks.get(block.index as usize)?)? as u64),
            Target::Name(name) => Some((*self.names.get(name as usize)?)?.into()),
            _ => None,
        }
    }
}

/// `ingress of a, b`, or `egress without policies`.
fn in_words(candidate: &Candidate, class: &ClassPlan) -> String {
    let names: Vec<&str> = class
        .key
        .policies
        .iter()
        .filter_map(|&id| candidate.meaning.model.policy(id))
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
