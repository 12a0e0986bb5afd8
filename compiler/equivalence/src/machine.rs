//! Running a class's programs in a user-space eBPF machine: without root, and without a kernel.

use std::{cell::RefCell, fmt};

use polc_abi::{
    policy::{PolicyInput, RETURN_ON_FAILURE, offset},
    verdict::{DeciderId, Verdict},
};
use polc_codegen::{ClassProgram, Filling, LinkError, Program, Target, insn::helper};
use polc_plan::{Layout, Names};
use polc_tables::Placement;

/// What programs are given as the addresses of maps.
mod map {
    pub(super) const INPUT: u64 = 1;
    pub(super) const SIGNATURES: u64 = 2;
    pub(super) const CONTINUATIONS: u64 = 3;
    pub(super) const POLICIES: u64 = 4;
    pub(super) const PORT_NAMES: u64 = 5;
}

/// Where the names begin in the memory.
const NAMES_AT: usize = size_of::<PolicyInput>().next_multiple_of(size_of::<u64>());
/// Where the signature begins.
const SIGNATURE_AT: usize = NAMES_AT + size_of::<Names>();

/// A class's programs, linked to a node's layout and to memory of their own.
pub struct Machine {
    root: Vec<u8>,
    parts: Vec<Vec<u8>>,
    /// The input, then the receiver's names for the port, then the signature, then the table.
    memory: Vec<u8>,
    signature_words: usize,
}

/// What a class answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The verdict. `None` where the program wrote none, which is a drop.
    pub verdict: Option<Verdict>,
    /// Who decided.
    pub decider: DeciderId,
    /// Who would have denied, were the audited policies enforced; zero where nobody would.
    pub audit: DeciderId,
}

/// A program that the machine could not run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineError {
    /// What happened, in one line.
    pub message: String,
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MachineError {}

thread_local! {
    /// What the helpers of the running program know: they are plain functions.
    static RUN: RefCell<Run> = const { RefCell::new(Run { input: 0, names: 0, signature: 0, calls: Vec::new() }) };
}

struct Run {
    input: u64,
    /// Zero where nothing is found.
    names: u64,
    signature: u64,
    /// Tail calls: map and slot. In this machine each of them fails, so that the program goes on
    /// as it would without the program that it calls.
    calls: Vec<(u64, u64)>,
}

impl Machine {
    /// Links the programs of a class with this layout to a node's placement.
    ///
    /// # Errors
    /// A program asks about something that the node does not keep.
    pub fn new(
        class: &ClassProgram,
        layout: &Layout,
        placement: &Placement,
    ) -> Result<Self, LinkError> {
        let signature_words = placement.words();
        let table_at = SIGNATURE_AT + signature_words * size_of::<u64>();
        let mut memory = vec![0_u8; table_at];
        memory.extend_from_slice(&class.table);
        let table = (memory.as_ptr().addr() + table_at) as u64;
        let link = |program: &Program| -> Result<Vec<u8>, LinkError> {
            let code = program.link(|target| {
                Some(Filling::Number(match target {
                    Target::InputMap => map::INPUT,
                    Target::SignaturesMap => map::SIGNATURES,
                    Target::ContinuationsMap => map::CONTINUATIONS,
                    Target::PortNamesMap => map::PORT_NAMES,
                    Target::PoliciesMap => map::POLICIES,
                    Target::Block(block) => placement.byte_of(layout, block.index)? as u64,
                    Target::Name(name) => placement.bit_of(layout, name)?.0.into(),
                    Target::Part(part) => part.into(),
                    Target::Table(_) => table,
                }))
            })?;
            Ok(code.iter().flat_map(|insn| insn.to_bytes()).collect())
        };
        Ok(Self {
            root: link(&class.root)?,
            parts: class.parts.iter().map(link).collect::<Result<_, _>>()?,
            memory,
            signature_words,
        })
    }

    /// Asks about a packet with this L4 key, whose receiver has these names for it, from or to a peer
    /// with this signature.
    ///
    /// # Errors
    /// A program that does not end as every program must.
    pub fn run(
        &mut self,
        l4: u32,
        names: Names,
        signature: &[u64],
    ) -> Result<Answer, MachineError> {
        for byte in self.memory.iter_mut().take(NAMES_AT) {
            *byte = 0;
        }
        self.write(offset::L4, &l4.to_le_bytes());
        self.write(NAMES_AT, &names.0.to_le_bytes());
        for (word, value) in (0..self.signature_words).zip(signature) {
            let at = SIGNATURE_AT + word * size_of::<u64>();
            self.write(at, &value.to_le_bytes());
        }
        let calls = execute(&self.root, &mut self.memory)?;
        let calls = match calls.first() {
            Some(&(map::POLICIES, slot)) => {
                let part = usize::try_from(slot)
                    .ok()
                    .and_then(|slot| self.parts.get(slot));
                let part =
                    part.ok_or_else(|| error("the root calls a part that does not exist"))?;
                execute(part, &mut self.memory)?
            }
            _ => calls,
        };
        if calls
            != [(
                map::CONTINUATIONS,
                polc_abi::policy::CONTINUATION_JUDGED.into(),
            )]
        {
            return Err(error("the program does not end with the continuation"));
        }
        Ok(Answer {
            verdict: Verdict::from_raw(self.word(offset::VERDICT)),
            decider: DeciderId(self.word(offset::DECIDER)),
            audit: DeciderId(self.word(offset::AUDIT)),
        })
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        for (to, from) in self.memory.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }

    fn word(&self, at: usize) -> u32 {
        let bytes = self.memory.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }
}

/// Runs one program; what it called at its end.
fn execute(code: &[u8], memory: &mut [u8]) -> Result<Vec<(u64, u64)>, MachineError> {
    let base = memory.as_ptr().addr() as u64;
    RUN.with_borrow_mut(|run| {
        run.input = base;
        let found = memory.iter().skip(NAMES_AT).take(size_of::<Names>());
        run.names = if found.copied().eq([0; size_of::<Names>()]) {
            0
        } else {
            base + NAMES_AT as u64
        };
        run.signature = base + SIGNATURE_AT as u64;
        run.calls.clear();
    });
    let failed = |cause: std::io::Error| error(&cause.to_string());
    let mut machine = rbpf::EbpfVmRaw::new(Some(code)).map_err(failed)?;
    machine
        .register_helper(helper::MAP_LOOKUP.cast_unsigned(), lookup)
        .map_err(failed)?;
    machine
        .register_helper(helper::TAIL_CALL.cast_unsigned(), tail_call)
        .map_err(failed)?;
    let returned = machine.execute_program(memory).map_err(failed)?;
    if returned != u64::from(RETURN_ON_FAILURE.cast_unsigned()) {
        return Err(error("the program does not drop when it cannot continue"));
    }
    Ok(RUN.with_borrow_mut(|run| std::mem::take(&mut run.calls)))
}

fn lookup(wanted: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    RUN.with_borrow(|run| match wanted {
        map::INPUT => run.input,
        map::SIGNATURES => run.signature,
        map::PORT_NAMES => run.names,
        _ => 0,
    })
}

fn tail_call(_: u64, programs: u64, slot: u64, _: u64, _: u64) -> u64 {
    RUN.with_borrow_mut(|run| run.calls.push((programs, slot)));
    u64::MAX
}

fn error(message: &str) -> MachineError {
    MachineError {
        message: message.to_owned(),
    }
}
