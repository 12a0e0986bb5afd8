//! The state word, mapped into the agent's memory so that it is stored whole.
#![expect(unsafe_code, reason = "maps kernel memory")]

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
    path::Path,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use polc_abi::node::State;

use super::map::Map;

/// One page, which holds the array's only element at its start.
const LENGTH: usize = 4096;

/// The state word of a node.
#[derive(Debug)]
pub struct StateWord {
    word: NonNull<AtomicU64>,
}

// SAFETY: the mapping belongs to this value alone and is only used atomically.
unsafe impl Send for StateWord {}
// SAFETY: as above.
unsafe impl Sync for StateWord {}

impl StateWord {
    /// Maps the pinned array.
    ///
    /// # Errors
    /// It cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let map: Map<u32, u64> = Map::open(path)?;
        // SAFETY: a fresh shared mapping of a descriptor that we hold; it outlives the descriptor.
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                LENGTH,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_fd().as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(memory.cast())
            .map(|word| Self { word })
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Reads the word.
    #[must_use]
    pub fn load(&self) -> State {
        // SAFETY: mapped, aligned to the page, until `drop`.
        State(unsafe { self.word.as_ref() }.load(Ordering::Acquire))
    }

    /// Puts a side in force. Everything that was written to its tables before is seen by whoever
    /// reads the new word.
    pub fn store(&self, state: State) {
        // SAFETY: as above.
        unsafe { self.word.as_ref() }.store(state.0, Ordering::Release);
    }
}

impl Drop for StateWord {
    fn drop(&mut self) {
        // SAFETY: mapped by `open` with this length.
        unsafe { libc::munmap(self.word.as_ptr().cast(), LENGTH) };
    }
}
