//! How full a map is.
#![expect(unsafe_code, reason = "hands memory to bpf(2)")]

use std::{io, os::fd::OwnedFd, path::Path};

use super::{
    bpf::{Attributes, Command, address, address_mut, call, open_pinned},
    map::raw,
    program::InfoAttributes,
};

/// How full a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Entries that it holds.
    pub entries: u32,
    /// Entries that it can hold.
    pub capacity: u32,
}

/// Types of maps with entries that come and go, numbered by the kernel: hash, per-CPU hash, LRU
/// hash, longest-prefix trie.
const KINDS: [u32; 4] = [1, 5, 9, 11];

/// The start of the kernel's `struct bpf_map_info`.
#[repr(C)]
#[derive(Default)]
pub(super) struct MapInfo {
    kind: u32,
    id: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    max_entries: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct NextKeyAttributes {
    fd: u32,
    reserved: u32,
    key: u64,
    next: u64,
}
// SAFETY: laid out as the kernel's; both keys live through the calls in `count` and have the size
// that the kernel says the map's keys have.
unsafe impl Attributes for NextKeyAttributes {}

impl MapInfo {
    pub(super) fn of(fd: &OwnedFd) -> io::Result<Self> {
        let mut info = Self::default();
        let mut attributes = InfoAttributes {
            fd: raw(fd),
            length: size_of::<Self>() as u32,
            info: address_mut(&mut info),
        };
        call(Command::ObjectInfo, &mut attributes)?;
        Ok(info)
    }
}

impl Usage {
    /// The usage of a pinned map. `None` for a kind of map that always holds as much.
    ///
    /// # Errors
    /// Nothing is pinned there, or it may not be opened.
    pub fn of_pinned(path: &Path) -> io::Result<Option<Self>> {
        let fd = open_pinned(path)?;
        let info = MapInfo::of(&fd)?;
        if !KINDS.contains(&info.kind) {
            return Ok(None);
        }
        Ok(Some(Self {
            entries: count(&fd, &info)?,
            capacity: info.max_entries,
        }))
    }
}

/// Counts the keys, but no more than fit: entries that come and go meanwhile may be counted twice.
fn count(fd: &OwnedFd, info: &MapInfo) -> io::Result<u32> {
    let mut key = vec![0_u8; info.key_size as usize];
    let mut next = key.clone();
    let mut entries = 0;
    while entries < info.max_entries {
        let mut attributes = NextKeyAttributes {
            fd: raw(fd),
            key: if entries == 0 {
                0
            } else {
                address(key.as_slice())
            },
            next: address_mut(next.as_mut_slice()),
            ..NextKeyAttributes::default()
        };
        match call(Command::MapNextKey, &mut attributes) {
            Ok(_) => std::mem::swap(&mut key, &mut next),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => break,
            Err(error) => return Err(error),
        }
        entries += 1;
    }
    Ok(entries)
}
