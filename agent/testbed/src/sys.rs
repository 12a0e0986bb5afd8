//! The system calls that the standard library has not got.
#![expect(unsafe_code, reason = "namespaces and raw sockets")]

use std::{
    ffi::CString,
    fs::File,
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd as _, OwnedFd},
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

/// Sees the frames that arrive at an interface, as they are.
#[derive(Debug)]
pub struct Tap {
    socket: OwnedFd,
}

impl Tap {
    /// At an interface of the calling thread's namespace, from now on.
    ///
    /// # Errors
    /// There is no such interface, or the system says no.
    pub fn open(interface: &str) -> io::Result<Self> {
        const EVERYTHING: u16 = libc::ETH_P_ALL as u16;
        let name = CString::new(interface)?;
        // SAFETY: a C string.
        let ifindex = unsafe { libc::if_nametoindex(name.as_ptr()) };
        if ifindex == 0 {
            return Err(io::Error::last_os_error());
        }
        // Of no protocol until it is bound, or it would hear every interface for a moment.
        let socket = socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
        // SAFETY: zero is valid, and the fields that matter are filled in.
        check(unsafe {
            let mut name: libc::sockaddr_ll = MaybeUninit::zeroed().assume_init();
            name.sll_family = libc::AF_PACKET as u16;
            name.sll_protocol = EVERYTHING.to_be();
            name.sll_ifindex = ifindex.cast_signed();
            libc::bind(
                socket.as_raw_fd(),
                (&raw const name).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            )
        })?;
        Ok(Self { socket })
    }

    /// The frames that have arrived, up to the first moment of this length without one. Those that the
    /// interface itself sends are not among them.
    ///
    /// # Errors
    /// The system says no.
    pub fn frames(&self, silence: Duration) -> io::Result<Vec<Vec<u8>>> {
        const OUTGOING: u8 = 4;
        let socket = socket2::SockRef::from(&self.socket);
        socket.set_read_timeout(Some(silence))?;
        let mut frames = Vec::new();
        loop {
            let mut frame = vec![0; 1 << 16];
            // SAFETY: zero is valid, and the kernel writes no more than it is told there is room for.
            let (length, from) = unsafe {
                let mut from: libc::sockaddr_ll = MaybeUninit::zeroed().assume_init();
                let mut room = size_of::<libc::sockaddr_ll>() as u32;
                let length = libc::recvfrom(
                    self.socket.as_raw_fd(),
                    frame.as_mut_ptr().cast(),
                    frame.len(),
                    0,
                    (&raw mut from).cast(),
                    &raw mut room,
                );
                (length, from)
            };
            let Ok(length) = usize::try_from(length) else {
                let error = io::Error::last_os_error();
                match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(frames),
                    // With a timeout, the system call is not taken up again after a signal.
                    io::ErrorKind::Interrupted => continue,
                    _ => return Err(error),
                }
            };
            if from.sll_pkttype != OUTGOING {
                frame.truncate(length);
                frames.push(frame);
            }
        }
    }
}

/// Binds the calling thread to a CPU, and lets it run there before everything that is not so urgent.
/// For measurements on a machine that has other work.
///
/// # Errors
/// There is no such CPU, or the system says no.
pub fn take_cpu(cpu: usize) -> io::Result<()> {
    // SAFETY: zero is an empty set, and `CPU_SET` ignores numbers that no set holds.
    check(unsafe {
        let mut set: libc::cpu_set_t = MaybeUninit::zeroed().assume_init();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    })?;
    let parameters = libc::sched_param { sched_priority: 1 };
    // SAFETY: the parameters live through the call.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) })
        .map(|_| ())
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
