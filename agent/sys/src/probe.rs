//! What this kernel can do, tried out: nothing is attached, pinned or left behind.
#![expect(unsafe_code, reason = "fills attributes of bpf(2)")]

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use super::{
    bpf::{Attributes, Command, call_for_fd},
    create::{self, ReadOnly, ReadOnlyHash},
    grace::GracePeriod,
    program::{LoadedProgram, ProgramSource},
    test_run,
};

/// `r0 = 0; exit`
const NOTHING: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
/// `BPF_TCX_INGRESS`
const TCX_INGRESS: u32 = 46;
/// An interface that no machine has.
const NO_INTERFACE: u32 = i32::MAX.unsigned_abs();
/// The smallest ring buffer on every architecture.
const RING_BYTES: u32 = 1 << 16;

#[repr(C)]
#[derive(Default)]
struct LinkAttributes {
    program: u32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
    relative: u32,
    reserved: u32,
    revision: u64,
}
// SAFETY: laid out as the kernel's, without addresses.
unsafe impl Attributes for LinkAttributes {}

fn nothing() -> io::Result<LoadedProgram> {
    let source = ProgramSource {
        name: "polc_probe",
        code: &NOTHING,
        debug: None,
    };
    LoadedProgram::load(source).map_err(|refused| refused.error)
}

/// Whether the kernel takes tc programs at all.
///
/// # Errors
/// Why it does not.
pub fn programs() -> io::Result<()> {
    nothing().map(|_| ())
}

/// Whether a program can be tried on a packet.
///
/// # Errors
/// Why it cannot.
pub fn test_runs() -> io::Result<()> {
    test_run::run(&nothing()?, &[0xff; 64], 0).map(|_| ())
}

/// Whether the kernel has tcx links. A kernel that has them says that there is no such interface;
/// one that has not, that there is no such thing to attach to.
///
/// # Errors
/// It says neither.
pub fn tcx() -> io::Result<bool> {
    let program = nothing()?;
    let mut attributes = LinkAttributes {
        program: program.as_fd().as_raw_fd().unsigned_abs(),
        ifindex: NO_INTERFACE,
        attach_type: TCX_INGRESS,
        ..LinkAttributes::default()
    };
    match call_for_fd(Command::LinkCreate, &mut attributes) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENODEV) => Ok(true),
            Some(libc::EINVAL) => Ok(false),
            _ => Err(error),
        },
    }
}

/// Whether the kernel has ring buffers.
///
/// # Errors
/// Why it has not.
pub fn ring_buffer() -> io::Result<()> {
    create::ring_buffer(RING_BYTES).map(|_| ())
}

/// Whether maps can be frozen, and filled in one call.
///
/// # Errors
/// Why they cannot.
pub fn frozen_maps() -> io::Result<()> {
    ReadOnly::new("polc_probe", &[0; 8])?;
    ReadOnlyHash::new("polc_probe", &[1_u32], &[1_u32]).map(|_| ())
}

/// Whether one can wait until no packet uses a map.
///
/// # Errors
/// Why one cannot.
pub fn grace_period() -> io::Result<()> {
    GracePeriod::new()?.wait()
}
