//! The system calls that the standard library has not got.
#![expect(unsafe_code, reason = "namespaces and raw sockets")]

use std::{
    ffi::CString,
    fs::File,
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd as _, OwnedFd},
};

/// Moves the calling thread into a network namespace.
pub(crate) fn enter(namespace: &File) -> io::Result<()> {
    // SAFETY: a valid descriptor.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }).map(|_| ())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    // SAFETY: asks for a number.
    unsafe { libc::geteuid() == 0 }
}

/// Whether a process exists.
pub(crate) fn is_alive(pid: i32) -> bool {
    // SAFETY: signal 0 only asks.
    unsafe { libc::kill(pid, 0) == 0 }
}

/// Sends frames out of an interface, as they are. One for many frames: closing a packet socket waits
/// for the whole network stack.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
    ifindex: i32,
}

impl Wire {
    /// To an interface of the calling thread's namespace.
    ///
    /// # Errors
    /// There is no such interface, or the system says no.
    pub fn open(interface: &str) -> io::Result<Self> {
        let name = CString::new(interface)?;
        // SAFETY: a C string.
        let ifindex = unsafe { libc::if_nametoindex(name.as_ptr()) };
        if ifindex == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            socket: socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?,
            ifindex: ifindex.cast_signed(),
        })
    }

    /// Sends a frame, from its Ethernet header on.
    ///
    /// # Errors
    /// It has no whole header, is too long for the link, or the system says no.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: zero is valid, and the fields that matter are filled in.
        let sent = unsafe {
            let mut name: libc::sockaddr_ll = MaybeUninit::zeroed().assume_init();
            name.sll_family = libc::AF_PACKET as u16;
            name.sll_ifindex = self.ifindex;
            name.sll_halen = 6;
            libc::sendto(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const name).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// Gives the packets of a socket a mark, as far as they stay in its namespace.
///
/// # Errors
/// The system says no.
pub fn set_mark(socket: &impl AsRawFd, mark: u32) -> io::Result<()> {
    // SAFETY: an option of four bytes, which live through the call.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MARK,
            (&raw const mark).cast(),
            size_of::<u32>() as u32,
        )
    })
    .map(|_| ())
}

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: makes a descriptor.
    let fd = check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) })?;
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
