//! Pins: taking links off their interfaces, and pinning what is pinned once more.
#![expect(unsafe_code, reason = "fills attributes of bpf(2)")]

use std::{
    ffi::CString,
    fs, io,
    os::{
        fd::{AsFd, AsRawFd as _},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use super::{
    bpf::{Attributes, Command, call, open_pinned},
    map::raw,
};

#[repr(C)]
struct DetachAttributes {
    fd: u32,
}
// SAFETY: laid out as the kernel's, without addresses.
unsafe impl Attributes for DetachAttributes {}

#[repr(C)]
struct PinAttributes {
    path: u64,
    fd: u32,
    flags: u32,
}
// SAFETY: laid out as the kernel's; `path` lives through the call in `pin`.
unsafe impl Attributes for PinAttributes {}

/// Pins what is pinned at `from` at `to` as well.
///
/// # Errors
/// What the kernel says.
pub fn pin_again(from: &Path, to: &Path) -> io::Result<()> {
    pin(&open_pinned(from)?, to)
}

/// Pins a map, a program or a link.
///
/// # Errors
/// What the kernel says.
pub fn pin(object: &impl AsFd, to: &Path) -> io::Result<()> {
    let path = CString::new(to.as_os_str().as_bytes())?;
    let mut attributes = PinAttributes {
        path: path.as_ptr() as u64,
        fd: object.as_fd().as_raw_fd().unsigned_abs(),
        flags: 0,
    };
    call(Command::ObjectPin, &mut attributes).map(|_| ())
}

/// Takes a pinned link off its interface and removes the pin. Removing the pin alone does that
/// too, but only when the kernel gets to it.
///
/// # Errors
/// What the kernel says; not that there is no such pin, or that the interface is gone.
pub fn detach(pin: &Path) -> io::Result<()> {
    let link = match open_pinned(pin) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        link => link?,
    };
    // Fails when the interface is gone; then there is nothing to take off.
    let _ = call(
        Command::LinkDetach,
        &mut DetachAttributes { fd: raw(&link) },
    );
    fs::remove_file(pin)
}
