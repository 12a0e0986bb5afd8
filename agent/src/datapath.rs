//! The embedded datapath: loading its programs, with maps that are pinned or taken over.

use std::{
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    str::FromStr,
};

use aya::{
    Ebpf, EbpfLoader,
    programs::{ProgramError, SchedClassifier},
};
use polc_abi::{
    map,
    policy::{
        CONTINUATION_ARRIVE, CONTINUATION_DELIVER, CONTINUATION_JUDGED, CONTINUATION_LEAVE,
        CONTINUATION_NODE, CONTINUATION_REJECT, CONTINUATIONS_MAP,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    pins::Pins,
    sys::{create, link, map::Map},
};

/// The object that `build.rs` found, or nothing.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/polc-datapath"));

/// Its programs.
const PROGRAMS: [&str; 10] = [
    "judged",
    "reject",
    "deliver",
    "leave",
    "arrive",
    "from_endpoint",
    "to_endpoint",
    "from_uplink",
    "to_uplink",
    "judge_node",
];

/// Whether this agent was built with its datapath.
#[must_use]
pub fn is_built_in() -> bool {
    !OBJECT.is_empty()
}

/// How many settled flows the node keeps; a number in [`map::FLOWS_RANGE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct FlowCapacity(u32);

impl FlowCapacity {
    /// So many, or `None` where that is out of range.
    #[must_use]
    pub fn new(flows: u32) -> Option<Self> {
        map::FLOWS_RANGE.contains(&flows).then_some(Self(flows))
    }

    /// Settled flows.
    #[must_use]
    pub const fn settled(self) -> u32 {
        self.0
    }

    /// Flows that are not settled yet, beside them.
    #[must_use]
    pub const fn unsettled(self) -> u32 {
        map::new_flows(self.0)
    }
}

impl TryFrom<u32> for FlowCapacity {
    type Error = String;

    fn try_from(flows: u32) -> Result<Self, String> {
        let range = map::FLOWS_RANGE;
        let fault = || format!("flows are {} to {}", range.start(), range.end());
        Self::new(flows).ok_or_else(fault)
    }
}

impl FromStr for FlowCapacity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let flows: u32 = text.parse().map_err(|_| "no such number".to_owned())?;
        Self::try_from(flows)
    }
}

impl Default for FlowCapacity {
    fn default() -> Self {
        Self(map::FLOWS_BY_DEFAULT)
    }
}

/// The datapath's programs, loaded.
pub struct Datapath {
    object: Ebpf,
}

/// A program and what the verifier made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramSize {
    /// Its name.
    pub name: String,
    /// How many instructions the verifier looked at.
    pub verified_instructions: u32,
}

impl Datapath {
    /// Loads the programs. Maps that are pinned are taken over with what they hold, others are
    /// made and pinned, those of flows for `flows`. From here on, the continuations are this
    /// object's.
    ///
    /// # Errors
    /// The agent was built without a datapath, or the kernel refuses it.
    pub fn load(pins: &Pins, flows: FlowCapacity) -> Result<Self, Error> {
        if !is_built_in() {
            return Err(Error::NoDatapath);
        }
        let paths: Vec<_> = map::ALL
            .iter()
            .map(|name| (*name, pins.map(name)))
            .collect();
        let mut loader = EbpfLoader::new();
        for (name, path) in &paths {
            loader.map_pin_path(name, path);
        }
        make_address_tables(pins)?;
        loader.map_max_entries(map::FLOWS, flows.settled());
        loader.map_max_entries(map::NEW_FLOWS, flows.unsettled());
        let mut object = loader.load(OBJECT).map_err(|cause| Error::Datapath {
            cause: cause.to_string(),
            log: String::new(),
        })?;
        for name in PROGRAMS {
            program(&mut object, name)?.load().map_err(refused)?;
        }
        let continuations: Map<u32, u32> =
            Map::open(&pins.map(CONTINUATIONS_MAP)).map_err(Error::kernel("opening a map"))?;
        for (index, name) in [
            (CONTINUATION_JUDGED, "judged"),
            (CONTINUATION_REJECT, "reject"),
            (CONTINUATION_DELIVER, "deliver"),
            (CONTINUATION_NODE, "judge_node"),
            (CONTINUATION_LEAVE, "leave"),
            (CONTINUATION_ARRIVE, "arrive"),
        ] {
            let fd = program(&mut object, name)?.fd().map_err(refused)?;
            continuations
                .set(&index, &raw_fd(fd))
                .map_err(Error::kernel("setting a continuation"))?;
        }
        Ok(Self { object })
    }

    /// Loads the programs with maps of their own, that nothing else sees, and lets them go again.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn try_out() -> Result<Vec<ProgramSize>, Error> {
        if !is_built_in() {
            return Err(Error::NoDatapath);
        }
        let object = EbpfLoader::new()
            .load(OBJECT)
            .map_err(|cause| Error::Datapath {
                cause: cause.to_string(),
                log: String::new(),
            })?;
        let mut datapath = Self { object };
        for name in PROGRAMS {
            datapath.program(name)?.load().map_err(refused)?;
        }
        datapath.sizes()
    }

    /// A hook's program.
    ///
    /// # Errors
    /// The object has none of this name.
    pub fn program(&mut self, name: &str) -> Result<&mut SchedClassifier, Error> {
        program(&mut self.object, name)
    }

    /// A program's descriptor, to try it out.
    ///
    /// # Errors
    /// The object has none of this name.
    pub fn descriptor(&self, name: &str) -> Result<BorrowedFd<'_>, Error> {
        let program = self.object.program(name).ok_or_else(|| missing(name))?;
        Ok(program.fd().map_err(refused)?.as_fd())
    }

    /// How many settled flows its table holds: of a table that was taken over, what it was made for.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn settled_flows(&self) -> Result<u32, Error> {
        let map = self.object.map(map::FLOWS);
        let Some(aya::maps::Map::LruHashMap(flows)) = map else {
            return Err(missing(map::FLOWS));
        };
        flows
            .info()
            .map(|info| info.max_entries())
            .map_err(|cause| Error::Datapath {
                cause: cause.to_string(),
                log: String::new(),
            })
    }

    /// What the verifier made of each program.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn sizes(&self) -> Result<Vec<ProgramSize>, Error> {
        let mut sizes = Vec::new();
        for (name, program) in self.object.programs() {
            sizes.push(ProgramSize {
                name: name.to_owned(),
                verified_instructions: program
                    .info()
                    .map_err(refused)?
                    .verified_instruction_count()
                    .unwrap_or(0),
            });
        }
        sizes.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(sizes)
    }
}

/// Makes the array of the tables of addresses, where there is none, without type information. The agent
/// makes the tables in it without any, and a kernel before 6.2 takes those for others than ones whose
/// types it knows.
fn make_address_tables(pins: &Pins) -> Result<(), Error> {
    let pin = pins.map(map::ADDRESSES);
    if pin.exists() {
        return Ok(());
    }
    create::address_tables(map::ADDRESSES)
        .and_then(|tables| link::pin(&tables, &pin))
        .map_err(Error::kernel("making the tables of addresses"))
}

fn program<'a>(object: &'a mut Ebpf, name: &str) -> Result<&'a mut SchedClassifier, Error> {
    object
        .program_mut(name)
        .and_then(|program| program.try_into().ok())
        .ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Error {
    Error::Datapath {
        cause: format!("the object has no `{name}`"),
        log: String::new(),
    }
}

fn raw_fd(fd: &aya::programs::ProgramFd) -> u32 {
    fd.as_fd().as_raw_fd().unsigned_abs()
}

fn refused(error: ProgramError) -> Error {
    match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => Error::Datapath {
            cause: io_error.to_string(),
            log: verifier_log.to_string(),
        },
        other => Error::Datapath {
            cause: other.to_string(),
            log: String::new(),
        },
    }
}
