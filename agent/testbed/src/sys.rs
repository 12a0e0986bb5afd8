//! The system calls that the standard library has not got.
#![expect(unsafe_code, reason = "namespaces and raw sockets")]

use std::{
    ffi::CString,
    fs::File,
    io,
    mem::MaybeUninit,
    net::IpAddr,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    time::Duration,
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

/// A raw ICMP socket of the address's family, which waits no longer than `patience`.
pub(crate) fn icmp_socket(family_of: IpAddr, patience: Duration) -> io::Result<OwnedFd> {
    let (family, protocol) = match family_of {
        IpAddr::V4(_) => (libc::AF_INET, libc::IPPROTO_ICMP),
        IpAddr::V6(_) => (libc::AF_INET6, libc::IPPROTO_ICMPV6),
    };
    let socket = socket(family, libc::SOCK_RAW, protocol)?;
    let timeout = libc::timeval {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_usec: i64::from(patience.subsec_micros()),
    };
    // SAFETY: a valid option of the size that is given.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const timeout).cast(),
            size_of::<libc::timeval>() as u32,
        )
    })?;
    Ok(socket)
}

/// Sends to an address through a raw socket.
pub(crate) fn send_to(socket: &OwnedFd, bytes: &[u8], to: IpAddr) -> io::Result<()> {
    // SAFETY: zero is a valid value of both; each is filled in for its family.
    let sent = unsafe {
        match to {
            IpAddr::V4(address) => {
                let mut name: libc::sockaddr_in = MaybeUninit::zeroed().assume_init();
                name.sin_family = libc::AF_INET as u16;
                name.sin_addr.s_addr = u32::from_ne_bytes(address.octets());
                libc::sendto(
                    socket.as_raw_fd(),
                    bytes.as_ptr().cast(),
                    bytes.len(),
                    0,
                    (&raw const name).cast(),
                    size_of::<libc::sockaddr_in>() as u32,
                )
            }
            IpAddr::V6(address) => {
                let mut name: libc::sockaddr_in6 = MaybeUninit::zeroed().assume_init();
                name.sin6_family = libc::AF_INET6 as u16;
                name.sin6_addr.s6_addr = address.octets();
                libc::sendto(
                    socket.as_raw_fd(),
                    bytes.as_ptr().cast(),
                    bytes.len(),
                    0,
                    (&raw const name).cast(),
                    size_of::<libc::sockaddr_in6>() as u32,
                )
            }
        }
    };
    if sent < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Receives; `TimedOut` or `WouldBlock` when nothing came.
pub(crate) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is as long as said.
    let received = unsafe {
        libc::recv(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
        )
    };
    usize::try_from(received).map_err(|_| io::Error::last_os_error())
}

/// Sends frames out of an interface of the calling thread's namespace, as they are. One socket for
/// all: closing a packet socket waits for the whole network stack.
pub(crate) fn send_frames<'a>(
    interface: &str,
    frames: impl IntoIterator<Item = &'a [u8]>,
) -> io::Result<()> {
    let name = CString::new(interface)?;
    // SAFETY: a C string.
    let ifindex = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if ifindex == 0 {
        return Err(io::Error::last_os_error());
    }
    let socket = socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
    for frame in frames {
        // SAFETY: zero is valid, and the fields that matter are filled in.
        let sent = unsafe {
            let mut name: libc::sockaddr_ll = MaybeUninit::zeroed().assume_init();
            name.sll_family = libc::AF_PACKET as u16;
            name.sll_ifindex = ifindex.cast_signed();
            name.sll_halen = 6;
            libc::sendto(
                socket.as_raw_fd(),
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
    }
    Ok(())
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
