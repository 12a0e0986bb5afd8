//! Interfaces by name. Asks the network namespace of the calling thread, as `/sys/class/net` does
//! not when the agent was started with `nsenter --net`.
#![expect(unsafe_code, reason = "calls if_nametoindex(3)")]

use std::ffi::CString;

/// The index of an interface, if there is one of this name.
#[must_use]
pub fn index_of(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: a C string.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => None,
        index => Some(index),
    }
}
