//! Making maps that are not part of the datapath's object.
#![expect(unsafe_code, reason = "fills attributes of bpf(2)")]

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use polc_abi::{Plain, address::Bucket, map::ADDRESS_TABLE_FLAGS};

use super::{
    bpf::{Attributes, Command, address, call, call_for_fd},
    map::{BatchAttributes, ElementAttributes, Map, raw},
};

const HASH: u32 = 1;
const ARRAY: u32 = 2;
const PROGRAM_ARRAY: u32 = 3;
const PER_CPU_ARRAY: u32 = 6;
const PREFIXES: u32 = 11;
const ARRAY_OF_MAPS: u32 = 12;
const RING_BUFFER: u32 = 27;
/// `BPF_F_NO_PREALLOC`
const ENTRY_BY_ENTRY: u32 = 1;
/// `BPF_F_RDONLY_PROG`
const READ_ONLY_FOR_PROGRAMS: u32 = 1 << 7;

#[repr(C)]
#[derive(Default)]
struct CreateAttributes {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    inner_fd: u32,
    numa_node: u32,
    name: [u8; 16],
}
// SAFETY: laid out as the kernel's, without addresses.
unsafe impl Attributes for CreateAttributes {}

#[repr(C)]
#[derive(Default)]
struct FreezeAttributes {
    fd: u32,
}
// SAFETY: laid out as the kernel's, without addresses.
unsafe impl Attributes for FreezeAttributes {}

fn named(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    bytes
}

fn create(attributes: CreateAttributes) -> io::Result<OwnedFd> {
    call_for_fd(Command::MapCreate, &mut { attributes })
}

fn size(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// What a map is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A hash table, with memory for the entries in use.
    Hash,
    /// An array.
    Array,
    /// An array of programs.
    Programs,
    /// An array with a value for each CPU.
    PerCpuArray,
    /// A table of prefixes, found by the longest. Keys begin with their length in bits.
    Prefixes,
}

impl<K: Plain, V: Plain> Map<K, V> {
    /// Makes a map that nothing else knows, and that is gone when it is dropped and no program
    /// uses it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn create(name: &str, kind: Kind, max_entries: u32) -> io::Result<Self> {
        let (kind, flags) = match kind {
            Kind::Hash => (HASH, ENTRY_BY_ENTRY),
            Kind::Array => (ARRAY, 0),
            Kind::Programs => (PROGRAM_ARRAY, 0),
            Kind::PerCpuArray => (PER_CPU_ARRAY, 0),
            Kind::Prefixes => (PREFIXES, ENTRY_BY_ENTRY),
        };
        let attributes = CreateAttributes {
            kind,
            key_size: size(size_of::<K>())?,
            value_size: size(size_of::<V>())?,
            max_entries,
            flags,
            name: named(name),
            ..CreateAttributes::default()
        };
        Ok(Self::of_types(create(attributes)?))
    }
}

/// An array of one value of four bytes, for [`array_of_maps`].
pub(super) fn small_array() -> io::Result<OwnedFd> {
    create(CreateAttributes {
        kind: ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        ..CreateAttributes::default()
    })
}

/// An array of two maps: the tables of addresses of both sides.
///
/// # Errors
/// What the kernel says.
pub fn address_tables(name: &str) -> io::Result<Map<u32, u32>> {
    let inner = array(name, size_of::<Bucket>(), 1, ADDRESS_TABLE_FLAGS)?;
    let outer = create(CreateAttributes {
        kind: ARRAY_OF_MAPS,
        key_size: 4,
        value_size: 4,
        max_entries: 2,
        inner_fd: raw(&inner),
        name: named(name),
        ..CreateAttributes::default()
    })?;
    Ok(Map::of_types(outer))
}

/// An array of values of this many bytes, with these flags.
pub(super) fn array(
    name: &str,
    value_size: usize,
    max_entries: u32,
    flags: u32,
) -> io::Result<OwnedFd> {
    create(CreateAttributes {
        kind: ARRAY,
        key_size: 4,
        value_size: size(value_size)?,
        max_entries,
        flags,
        name: named(name),
        ..CreateAttributes::default()
    })
}

/// A ring buffer.
pub(super) fn ring_buffer(bytes: u32) -> io::Result<OwnedFd> {
    create(CreateAttributes {
        kind: RING_BUFFER,
        max_entries: bytes,
        ..CreateAttributes::default()
    })
}

/// An array of one map, shaped like `inner`.
pub(super) fn array_of_maps(inner: &OwnedFd) -> io::Result<OwnedFd> {
    create(CreateAttributes {
        kind: ARRAY_OF_MAPS,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        inner_fd: raw(inner),
        ..CreateAttributes::default()
    })
}

/// An array whose values are rows of 64-bit words, made for what it holds.
#[derive(Debug)]
pub struct WordRows {
    fd: OwnedFd,
    /// Words of a row.
    words: usize,
}

impl WordRows {
    /// Makes an array of the rows in `bits`, each of `words` words.
    ///
    /// # Errors
    /// What the kernel says, or rows that are empty.
    pub fn new(name: &str, words: usize, bits: &[u64]) -> io::Result<Self> {
        let rows = Self::with_room(name, words, bits.len().checked_div(words).unwrap_or(0))?;
        rows.set(0, bits)?;
        Ok(rows)
    }

    /// Makes an array of this many rows, all of them zero.
    ///
    /// # Errors
    /// What the kernel says, or no rows, or rows that are empty.
    pub fn with_room(name: &str, words: usize, rows: usize) -> io::Result<Self> {
        let fd = create(CreateAttributes {
            kind: ARRAY,
            key_size: 4,
            value_size: size(words * size_of::<u64>())?,
            max_entries: size(rows)?,
            name: named(name),
            ..CreateAttributes::default()
        })?;
        Ok(Self { fd, words })
    }

    /// Replaces rows, from this one on.
    ///
    /// # Errors
    /// What the kernel says; `bits` that are not made of rows.
    pub fn set(&self, first: u32, bits: &[u64]) -> io::Result<()> {
        if !bits.len().is_multiple_of(self.words.max(1)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let count = size(bits.len() / self.words.max(1))?;
        if count == 0 {
            return Ok(());
        }
        let keys: Vec<u32> = (first..).take(count as usize).collect();
        let mut attributes = BatchAttributes {
            keys: address(keys.as_slice()),
            values: address(bits),
            count,
            fd: raw(&self.fd),
            ..BatchAttributes::default()
        };
        call(Command::MapUpdateBatch, &mut attributes).map(|_| ())
    }
}

impl AsFd for WordRows {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A hash that nobody changes any more, made for what it holds.
#[derive(Debug)]
pub struct ReadOnlyHash {
    fd: OwnedFd,
}

impl ReadOnlyHash {
    /// Makes a hash of these keys and values.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new<K: Plain, V: Plain>(name: &str, keys: &[K], values: &[V]) -> io::Result<Self> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let count = size(keys.len())?;
        if keys.len() != values.len() {
            return Err(invalid());
        }
        let fd = create(CreateAttributes {
            kind: HASH,
            key_size: size(size_of::<K>())?,
            value_size: size(size_of::<V>())?,
            // A hash for nothing is made like one for one.
            max_entries: count.max(1),
            flags: READ_ONLY_FOR_PROGRAMS,
            name: named(name),
            ..CreateAttributes::default()
        })?;
        if count > 0 {
            let mut attributes = BatchAttributes {
                keys: address(keys),
                values: address(values),
                count,
                fd: raw(&fd),
                ..BatchAttributes::default()
            };
            call(Command::MapUpdateBatch, &mut attributes)?;
        }
        call(Command::MapFreeze, &mut FreezeAttributes { fd: raw(&fd) })?;
        Ok(Self { fd })
    }
}

impl AsFd for ReadOnlyHash {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// An array of one value that nobody changes any more: what a program's lookups read.
#[derive(Debug)]
pub struct ReadOnly {
    fd: OwnedFd,
}

impl ReadOnly {
    /// Makes one that holds these bytes.
    ///
    /// # Errors
    /// What the kernel says, or no bytes at all.
    pub fn new(name: &str, bytes: &[u8]) -> io::Result<Self> {
        let fd = create(CreateAttributes {
            kind: ARRAY,
            key_size: 4,
            value_size: size(bytes.len())?,
            max_entries: 1,
            flags: READ_ONLY_FOR_PROGRAMS,
            name: named(name),
            ..CreateAttributes::default()
        })?;
        let key = 0_u32;
        let mut attributes = ElementAttributes {
            fd: raw(&fd),
            key: address(&key),
            value: address(bytes),
            ..ElementAttributes::default()
        };
        call(Command::MapUpdate, &mut attributes)?;
        call(Command::MapFreeze, &mut FreezeAttributes { fd: raw(&fd) })?;
        Ok(Self { fd })
    }
}

impl AsFd for ReadOnly {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
