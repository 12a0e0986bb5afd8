//! Arrays that programs read and the agent writes as memory: no call for each entry.
#![expect(unsafe_code, reason = "maps kernel memory")]

use std::{
    io,
    marker::PhantomData,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
    ptr::NonNull,
};

use polc_abi::Plain;

use super::create;

/// An array of `V`, all zero when it is made, mapped into the agent's memory.
#[derive(Debug)]
pub struct SharedArray<V> {
    fd: OwnedFd,
    memory: NonNull<V>,
    length: u32,
    bytes: usize,
    types: PhantomData<V>,
}

// SAFETY: the mapping belongs to this value alone, and `V` is plain bytes.
unsafe impl<V: Plain + Send> Send for SharedArray<V> {}

impl<V: Plain> SharedArray<V> {
    /// Makes one of this many elements, which fits into an array of maps whose inner maps have `flags`.
    ///
    /// # Errors
    /// What the kernel says; `V` of a size that the kernel would round up.
    pub fn new(name: &str, length: u32, flags: u32) -> io::Result<Self> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        if size_of::<V>() == 0 || !size_of::<V>().is_multiple_of(8) {
            return Err(invalid());
        }
        let bytes = size_of::<V>().checked_mul(length as usize);
        let bytes = bytes.ok_or_else(invalid)?;
        let fd = create::array(name, size_of::<V>(), length, flags)?;
        // SAFETY: a fresh shared mapping of a descriptor that we hold; it outlives the descriptor.
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).ok_or_else(invalid)?;
        Ok(Self {
            fd,
            memory,
            length,
            bytes,
            types: PhantomData,
        })
    }

    /// How many elements there are.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "the kernel makes no empty ones"
    )]
    pub const fn len(&self) -> u32 {
        self.length
    }

    /// An element; `None` beyond the end.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<V> {
        // SAFETY: inside the mapping, which is aligned to a page; any bytes are a `V`.
        (index < self.length).then(|| unsafe { self.memory.add(index as usize).read_volatile() })
    }

    /// Replaces an element; beyond the end there is none. A program that reads it meanwhile may see
    /// parts of both, so the caller writes what no program reads.
    pub fn set(&mut self, index: u32, value: V) {
        if index < self.length {
            // SAFETY: as in `get`.
            unsafe { self.memory.add(index as usize).write_volatile(value) };
        }
    }
}

impl<V> AsFd for SharedArray<V> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<V> Drop for SharedArray<V> {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.bytes) };
    }
}
