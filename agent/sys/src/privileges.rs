//! Giving up rights for good.
#![expect(unsafe_code, reason = "calls prctl(2)")]

use std::io;

/// No program that this process executes may have more rights than it has.
///
/// # Errors
/// What the kernel says.
pub fn no_new_privileges() -> io::Result<()> {
    // SAFETY: takes numbers alone.
    match unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
