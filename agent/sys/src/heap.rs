//! The C library's heap, which Rust's allocations come from. Other libraries than glibc keep little.
#![cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "calls mallopt(3) and malloc_trim(3)")
)]

/// Lets all threads share one heap, so that what one frees another uses. For programs whose threads
/// allocate little at the same time.
pub fn share() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1)
    };
}

/// Gives back to the kernel what is free.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: frees nothing that is in use.
    unsafe {
        libc::malloc_trim(0)
    };
}
