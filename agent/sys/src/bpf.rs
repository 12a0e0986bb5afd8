//! The system call.
#![expect(unsafe_code, reason = "calls bpf(2)")]

use std::{
    ffi::CString,
    io,
    os::{
        fd::{FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

/// Commands of bpf(2), numbered by the kernel.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum Command {
    MapCreate = 0,
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    MapNextKey = 4,
    ProgramLoad = 5,
    ObjectPin = 6,
    ObjectGet = 7,
    ProgramTestRun = 10,
    ObjectInfo = 15,
    BtfLoad = 18,
    MapFreeze = 22,
    MapUpdateBatch = 26,
    MapDeleteBatch = 27,
    LinkCreate = 28,
    LinkDetach = 34,
}

/// The attributes of one command: a prefix of the kernel's `union bpf_attr`.
///
/// # Safety
/// `repr(C)` without padding, laid out as the kernel's. Every address in it is valid for what the
/// command does with it, for as long as the call takes.
pub(crate) unsafe trait Attributes {}

/// Calls bpf(2). The kernel may write results into `attributes`.
pub(crate) fn call<A: Attributes>(command: Command, attributes: &mut A) -> io::Result<i64> {
    // SAFETY: by the contract of `Attributes`.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as i32,
            std::ptr::from_mut(attributes),
            size_of::<A>(),
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Calls a command that answers with a file descriptor.
pub(crate) fn call_for_fd<A: Attributes>(
    command: Command,
    attributes: &mut A,
) -> io::Result<OwnedFd> {
    let fd = call(command, attributes)?;
    let fd = i32::try_from(fd).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[repr(C)]
#[derive(Default)]
struct ObjectAttributes {
    path: u64,
    fd: u32,
    flags: u32,
}
// SAFETY: laid out as the kernel's; `path` lives through the call in `open_pinned`.
unsafe impl Attributes for ObjectAttributes {}

/// Opens what is pinned at a path.
pub(crate) fn open_pinned(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attributes = ObjectAttributes {
        path: path.as_ptr() as u64,
        ..ObjectAttributes::default()
    };
    call_for_fd(Command::ObjectGet, &mut attributes)
}

/// The address of something that the kernel reads or writes.
pub(crate) fn address<T: ?Sized>(of: &T) -> u64 {
    std::ptr::from_ref(of).cast::<u8>() as u64
}

/// The address of something that the kernel writes.
pub(crate) fn address_mut<T: ?Sized>(of: &mut T) -> u64 {
    std::ptr::from_mut(of).cast::<u8>() as u64
}
