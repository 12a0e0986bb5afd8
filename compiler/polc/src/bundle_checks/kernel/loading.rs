//! Loading the programs of a bundle.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use polc_abi::{
    map::POLICIES,
    policy::{
        CONTINUATIONS, CONTINUATIONS_MAP, INPUT_MAP, MAX_SIGNATURE_BYTES, PORT_NAMES_MAP,
        PROGRAM_SLOTS, PolicyInput, SIGNATURES_MAP,
    },
};
use polc_bundle::Bundle;
use polc_codegen::{Program, Target};
use polc_sys::{
    create::{Kind, ReadOnly, ReadOnlyHash, WordRows},
    map::Map,
    program::{LoadedProgram, ProgramSource},
};

use super::{
    super::{Check, Verdict, programs},
    NAME,
};
use crate::command::count;

/// Instructions that the verifier may look at: what a node must never notice.
const MAX_VERIFIED: u32 = 100_000;

pub(super) fn check(bundle: &Bundle) -> Check {
    let maps = match Maps::new() {
        Ok(maps) => maps,
        Err(cause) => {
            let detail = format!("this user or this kernel takes no programs: {cause}");
            return Check::new(NAME, Verdict::NotMade, detail);
        }
    };
    let mut findings = Vec::new();
    let mut most = 0;
    let mut loaded = 0;
    for (name, program) in programs(bundle) {
        match program.and_then(|one| maps.load(&one.program, &one.table)) {
            Ok(verified) => {
                loaded += 1;
                most = most.max(verified);
                if verified > MAX_VERIFIED {
                    findings.push(format!(
                        "{name}: the verifier looks at {verified} instructions; the budget is \
                         {MAX_VERIFIED}"
                    ));
                }
            }
            Err(cause) => findings.push(format!("{name}: {cause}")),
        }
    }
    let detail = format!(
        "{} loaded; the verifier looks at {} at most",
        count(loaded, "program"),
        count(usize::try_from(most).unwrap_or(usize::MAX), "instruction")
    );
    Check::with_findings(NAME, detail, findings)
}

/// What a node has around the programs.
struct Maps {
    input: Map<u32, PolicyInput>,
    continuations: Map<u32, u32>,
    policies: Map<u32, u32>,
    signatures: WordRows,
    port_names: ReadOnlyHash,
}

impl Maps {
    fn new() -> io::Result<Self> {
        Ok(Self {
            input: Map::create(INPUT_MAP, Kind::PerCpuArray, 1)?,
            continuations: Map::create(CONTINUATIONS_MAP, Kind::Programs, CONTINUATIONS)?,
            policies: Map::create(POLICIES, Kind::Programs, PROGRAM_SLOTS)?,
            signatures: WordRows::new(
                SIGNATURES_MAP,
                MAX_SIGNATURE_BYTES / size_of::<u64>(),
                &[0; MAX_SIGNATURE_BYTES / size_of::<u64>()],
            )?,
            port_names: ReadOnlyHash::new::<polc_abi::policy::PortNamesKey, u64>(
                PORT_NAMES_MAP,
                &[],
                &[],
            )?,
        })
    }

    /// Loads a program. How many instructions the verifier looked at.
    fn load(&self, program: &Program, table: &[u8]) -> Result<u32, String> {
        let text = |cause: io::Error| cause.to_string();
        let table = match table {
            [] => None,
            bytes => Some(ReadOnly::new("policy_table", bytes).map_err(text)?),
        };
        let code = program.link_for_verifier(|target| {
            let map = match target {
                Target::InputMap => self.input.as_fd(),
                Target::ContinuationsMap => self.continuations.as_fd(),
                Target::PoliciesMap => self.policies.as_fd(),
                Target::SignaturesMap => self.signatures.as_fd(),
                Target::PortNamesMap => self.port_names.as_fd(),
                Target::Table(_) => table.as_ref()?.as_fd(),
                Target::Part(_) | Target::Block(_) | Target::Name(_) => return None,
            };
            Some(map.as_raw_fd())
        });
        let code = code.map_err(|cause| cause.to_string())?;
        let code: Vec<u8> = code.iter().flat_map(|insn| insn.to_bytes()).collect();
        let loaded = LoadedProgram::load(ProgramSource {
            name: &program.name,
            code: &code,
            debug: None,
        });
        let loaded = loaded.map_err(|refused| {
            let last = refused.log.lines().rev().nth(1).unwrap_or_default();
            format!("{}: {last}", refused.error)
        })?;
        loaded.verified_instructions().map_err(text)
    }
}
