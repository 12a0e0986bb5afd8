//! Running a program once on a packet of our own, without traffic: `BPF_PROG_TEST_RUN`.
#![expect(unsafe_code, reason = "fills attributes of bpf(2)")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _},
    time::Duration,
};

use super::bpf::{Attributes, Command, address, address_mut, call};

/// Size of the kernel's `struct __sk_buff`.
const SKB_CONTEXT: usize = 192;
/// Which 32-bit word of it `mark` is.
const MARK_WORD: usize = 2;
/// Which 32-bit word of it `ifindex` is.
const IFINDEX_WORD: usize = 10;

#[repr(C)]
#[derive(Default)]
struct TestAttributes {
    fd: u32,
    result: u32,
    input_size: u32,
    output_size: u32,
    input: u64,
    output: u64,
    repeat: u32,
    duration: u32,
    context_input_size: u32,
    context_output_size: u32,
    context_input: u64,
    context_output: u64,
    flags: u32,
    cpu: u32,
}
// SAFETY: laid out as the kernel's; `run` keeps what the addresses name alive through the call.
unsafe impl Attributes for TestAttributes {}

/// What a program did with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it returned: a `TC_ACT_` code.
    pub result: i32,
    /// The packet's mark afterwards.
    pub mark: u32,
}

/// Runs a tc program on a frame that arrives at an interface of the calling thread's network
/// namespace; 0 is none.
///
/// # Errors
/// What the kernel says.
pub fn run(program: &impl AsFd, frame: &[u8], ifindex: u32) -> io::Result<Answer> {
    let mut input = [0_u32; SKB_CONTEXT / 4];
    input[IFINDEX_WORD] = ifindex;
    let mut output = [0_u32; SKB_CONTEXT / 4];
    let mut attributes = TestAttributes {
        fd: program.as_fd().as_raw_fd().unsigned_abs(),
        input: address(frame),
        input_size: u32::try_from(frame.len()).unwrap_or(u32::MAX),
        context_input: address(&input),
        context_input_size: SKB_CONTEXT as u32,
        context_output: address_mut(&mut output),
        context_output_size: SKB_CONTEXT as u32,
        ..TestAttributes::default()
    };
    call(Command::ProgramTestRun, &mut attributes)?;
    Ok(Answer {
        result: attributes.result.cast_signed(),
        mark: output[MARK_WORD],
    })
}

/// Runs a tc program many times, as [`run`] does once. How long one run took, on average and in
/// whole nanoseconds, as the kernel measured it.
///
/// # Errors
/// What the kernel says.
pub fn time(program: &impl AsFd, frame: &[u8], ifindex: u32, runs: u32) -> io::Result<Duration> {
    let mut input = [0_u32; SKB_CONTEXT / 4];
    input[IFINDEX_WORD] = ifindex;
    let mut attributes = TestAttributes {
        fd: program.as_fd().as_raw_fd().unsigned_abs(),
        input: address(frame),
        input_size: u32::try_from(frame.len()).unwrap_or(u32::MAX),
        context_input: address(&input),
        context_input_size: SKB_CONTEXT as u32,
        repeat: runs,
        ..TestAttributes::default()
    };
    call(Command::ProgramTestRun, &mut attributes)?;
    Ok(Duration::from_nanos(attributes.duration.into()))
}
