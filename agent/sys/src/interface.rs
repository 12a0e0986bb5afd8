//! Interfaces by name. Asks the network namespace of the calling thread, as `/sys/class/net` does
//! not when the agent was started with `nsenter --net`.
#![expect(unsafe_code, reason = "calls if_nametoindex(3) and if_indextoname(3)")]

use std::ffi::{CStr, CString, c_char};

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

/// The name of an interface, if there is one with this index.
#[must_use]
pub fn name_of(index: u32) -> Option<String> {
    let mut name = [0 as c_char; libc::IF_NAMESIZE];
    // SAFETY: room for the longest name with its end.
    let written = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
    if written.is_null() {
        return None;
    }
    // SAFETY: ended by the call above, and not written to since.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    name.to_str().ok().map(str::to_owned)
}
