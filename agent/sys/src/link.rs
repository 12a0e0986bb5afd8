//! Taking links off their interfaces.
#![expect(unsafe_code, reason = "fills attributes of bpf(2)")]

use std::{fs, io, path::Path};

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
