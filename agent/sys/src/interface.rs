//! Interfaces by name. Asks the network namespace of the calling thread, as `/sys/class/net` does
//! not when the agent was started with `nsenter --net`.
#![expect(
    unsafe_code,
    reason = "calls if_nametoindex(3), if_indextoname(3) and ioctl(2)"
)]

use std::{
    ffi::{CStr, CString, c_char},
    io,
    os::{fd::AsRawFd as _, unix::net::UnixDatagram},
};

/// Asks for the indices of many interfaces, through one socket.
#[derive(Debug)]
pub struct Lookup(UnixDatagram);

impl Lookup {
    /// Opens the socket, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open() -> io::Result<Self> {
        UnixDatagram::unbound().map(Self)
    }

    /// The index of an interface, if there is one of this name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<u32> {
        // SAFETY: all bytes zero is an `ifreq`.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        // The kernel wants an end.
        if name.len() >= request.ifr_name.len() || name.contains('\0') {
            return None;
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as c_char;
        }
        // SAFETY: the call reads and writes an `ifreq`, which lives through it.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SIOCGIFINDEX, &mut request) };
        if result != 0 {
            return None;
        }
        // SAFETY: the call that succeeded has written the index.
        let index = unsafe { request.ifr_ifru.ifru_ifindex };
        u32::try_from(index).ok().filter(|&index| index > 0)
    }
}

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
