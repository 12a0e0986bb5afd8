//! SIGTERM and SIGINT, as something that a thread can wait for.
#![expect(unsafe_code, reason = "calls sigprocmask(2) and sigwait(3)")]

use std::{io, mem::MaybeUninit};

/// The signals that end the agent.
#[derive(Clone, Copy)]
pub struct Termination(libc::sigset_t);

impl Termination {
    /// Blocks them in this thread and those that it starts from now on. Call it first of all.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn block() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigemptyset` makes the set what the rest works on.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
            set.assume_init()
        };
        // SAFETY: a valid set, and no place for the old one.
        match unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut())
        } {
            0 => Ok(Self(set)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Waits for one of them.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn wait(&self) -> io::Result<()> {
        let mut signal = 0;
        // SAFETY: a valid set, and room for the number.
        match unsafe { libc::sigwait(&raw const self.0, &raw mut signal) } {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// Sends SIGTERM to this process.
pub fn terminate_self() {
    // SAFETY: signals ourselves.
    unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
}

/// Ends this process quietly when whoever reads its output goes away, as other tools do. Only for
/// commands that do nothing but print: what is cut short here must not matter.
pub fn end_with_reader() {
    // SAFETY: restores the system's own action, which Rust's start-up code has replaced.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
