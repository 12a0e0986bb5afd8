//! Loading and trying generated programs.
#![expect(unsafe_code, reason = "fills attributes of bpf(2)")]

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use polc_abi::policy::{RETURN_ON_FAILURE, TEST_RUN_MARK};

use super::{
    bpf::{Attributes, Command, address, address_mut, call, call_for_fd},
    map::raw,
    test_run::{self, Answer},
};

const SCHED_CLS: u32 = 3;
const LICENSE: &CStr = c"Dual MIT/GPL";
/// The kernel's own limit is far above; a log longer than this helps nobody.
const LOG_BYTES: usize = 1 << 20;

/// A program that the kernel has accepted.
#[derive(Debug)]
pub struct LoadedProgram {
    fd: OwnedFd,
}

/// What a program is made of.
#[derive(Clone, Copy, Debug)]
pub struct ProgramSource<'a> {
    /// Its name; the kernel keeps 15 characters.
    pub name: &'a str,
    /// Instructions, eight bytes each, with maps resolved.
    pub code: &'a [u8],
    /// Type information and source lines, for people and tools.
    pub debug: Option<DebugInfo<'a>>,
}

/// BTF with what `.BTF.ext` says about one function.
#[derive(Clone, Copy, Debug)]
pub struct DebugInfo<'a> {
    /// The `.BTF` section.
    pub btf: &'a [u8],
    /// `bpf_func_info` records.
    pub functions: &'a [u8],
    /// `bpf_line_info` records.
    pub lines: &'a [u8],
}

/// A program that the kernel refused.
#[derive(Debug)]
pub struct Refused {
    /// What the kernel said.
    pub error: io::Error,
    /// What its verifier said.
    pub log: String,
}

#[repr(C)]
#[derive(Default)]
struct LoadAttributes {
    kind: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    ifindex: u32,
    expected_attach_type: u32,
    btf_fd: u32,
    function_size: u32,
    functions: u64,
    function_count: u32,
    line_size: u32,
    lines: u64,
    line_count: u32,
    attach_btf_id: u32,
}
// SAFETY: laid out as the kernel's; `load` keeps what the addresses name alive through the call.
unsafe impl Attributes for LoadAttributes {}

#[repr(C)]
#[derive(Default)]
struct BtfAttributes {
    btf: u64,
    log: u64,
    size: u32,
    log_size: u32,
    log_level: u32,
    reserved: u32,
}
// SAFETY: as above.
unsafe impl Attributes for BtfAttributes {}

#[repr(C)]
#[derive(Default)]
pub(super) struct InfoAttributes {
    pub(super) fd: u32,
    pub(super) length: u32,
    pub(super) info: u64,
}
// SAFETY: as above, in `info`.
unsafe impl Attributes for InfoAttributes {}

const FUNCTION_RECORD: u32 = 8;
const LINE_RECORD: u32 = 16;

impl LoadedProgram {
    /// Loads a tc program, without an attach type: members of one program array must agree on it.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn load(source: ProgramSource<'_>) -> Result<Self, Refused> {
        // Type information only helps people: without it the program is the same.
        let btf = source.debug.and_then(|debug| load_btf(debug.btf).ok());
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().take(15).zip(source.name.bytes()) {
            *to = from;
        }
        let mut attributes = LoadAttributes {
            kind: SCHED_CLS,
            instructions: count(source.code, 8),
            code: address(source.code),
            license: LICENSE.as_ptr() as u64,
            name,
            ..LoadAttributes::default()
        };
        if let (Some(btf), Some(debug)) = (&btf, source.debug) {
            attributes.btf_fd = raw(btf);
            attributes.function_size = FUNCTION_RECORD;
            attributes.functions = address(debug.functions);
            attributes.function_count = count(debug.functions, FUNCTION_RECORD as usize);
            attributes.line_size = LINE_RECORD;
            attributes.lines = address(debug.lines);
            attributes.line_count = count(debug.lines, LINE_RECORD as usize);
        }
        let error = match call_for_fd(Command::ProgramLoad, &mut attributes) {
            Ok(fd) => return Ok(Self { fd }),
            Err(error) => error,
        };
        // Again, for the log; and without what only helps people, in case the kernel is too old
        // for some of it.
        attributes.btf_fd = 0;
        attributes.function_count = 0;
        attributes.function_size = 0;
        attributes.line_count = 0;
        attributes.line_size = 0;
        let mut log = vec![0_u8; LOG_BYTES];
        attributes.log_level = 1;
        attributes.log_size = LOG_BYTES as u32;
        attributes.log = address_mut(log.as_mut_slice());
        match call_for_fd(Command::ProgramLoad, &mut attributes) {
            Ok(fd) => Ok(Self { fd }),
            Err(_) => Err(Refused {
                error,
                log: CStr::from_bytes_until_nul(&log)
                    .map(CStr::to_string_lossy)
                    .unwrap_or_default()
                    .into_owned(),
            }),
        }
    }

    /// Runs the program without a packet of the datapath's. `Ok` when it reached the continuation
    /// with a verdict.
    ///
    /// # Errors
    /// What the kernel says, or `InvalidData` when the program did not get there.
    pub fn test_run(&self) -> io::Result<()> {
        // Before Linux 6.12 a packet may interrupt the run and use its input for its own ends.
        const ATTEMPTS: u32 = 3;
        let mut result = self.test_run_once();
        for _ in 1..ATTEMPTS {
            if result.is_ok() {
                break;
            }
            result = self.test_run_once();
        }
        result
    }

    fn test_run_once(&self) -> io::Result<()> {
        // A frame of no protocol, as short as every kernel takes.
        let frame = [0xff_u8; 64];
        let Answer { result, mark } = test_run::run(self, &frame, 0)?;
        let verdict = polc_abi::verdict::Verdict::from_raw(mark & 0xffff);
        if result == RETURN_ON_FAILURE && mark & 0xffff_0000 == TEST_RUN_MARK && verdict.is_some() {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("returned {result} with mark {mark:#x}"),
            ))
        }
    }

    /// How many instructions the verifier looked at.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn verified_instructions(&self) -> io::Result<u32> {
        // `verified_insns` is the 32-bit word at byte 216 of `struct bpf_prog_info`.
        Ok(self.info()?[27] as u32)
    }

    /// Bytes of the machine code.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn machine_code_bytes(&self) -> io::Result<u32> {
        // `jited_prog_len` is the 32-bit word at byte 16.
        Ok(self.info()?[2] as u32)
    }

    fn info(&self) -> io::Result<[u64; 29]> {
        let mut info = [0_u64; 29];
        let mut attributes = InfoAttributes {
            fd: raw(&self.fd),
            length: size_of_val(&info) as u32,
            info: address_mut(&mut info),
        };
        call(Command::ObjectInfo, &mut attributes)?;
        Ok(info)
    }
}

fn load_btf(btf: &[u8]) -> io::Result<OwnedFd> {
    let mut attributes = BtfAttributes {
        btf: address(btf),
        size: count(btf, 1),
        ..BtfAttributes::default()
    };
    call_for_fd(Command::BtfLoad, &mut attributes)
}

fn count(bytes: &[u8], size: usize) -> u32 {
    u32::try_from(bytes.len() / size).unwrap_or(u32::MAX)
}

impl AsFd for LoadedProgram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
