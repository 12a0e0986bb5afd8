//! Reading events, and waiting for them.
#![expect(
    unsafe_code,
    reason = "reads kernel memory, calls poll(2) and clock_gettime(2)"
)]

use std::{io, mem::MaybeUninit, os::fd::AsRawFd, time::Duration};

use polc_abi::event::Event;

/// An event out of the ring buffer. `None` when it is too short for one.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Event> {
    if bytes.len() < size_of::<Event>() {
        return None;
    }
    // SAFETY: long enough, and any bytes are an `Event`.
    Some(unsafe { bytes.as_ptr().cast::<Event>().read_unaligned() })
}

/// Waits until the descriptor is readable, but no longer than `patience`.
///
/// # Errors
/// What the kernel says.
pub fn wait_readable(descriptor: &impl AsRawFd, patience: Duration) -> io::Result<()> {
    let mut poll = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let patience = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one valid `pollfd`.
    if unsafe { libc::poll(&raw mut poll, 1, patience) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
}

/// The clock of `bpf_ktime_get_ns`.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: room for the answer.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr()) } != 0 {
        return 0;
    }
    // SAFETY: written by the call that has just succeeded.
    let time = unsafe { time.assume_init() };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
