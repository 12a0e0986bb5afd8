//! Maps that hold one value for each key.
#![expect(unsafe_code, reason = "hands memory to bpf(2)")]

use std::{
    io,
    marker::PhantomData,
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use polc_abi::Plain;

use super::{
    bpf::{Attributes, Command, address, address_mut, call, open_pinned},
    usage::MapInfo,
};

/// A map with keys `K` and values `V`.
#[derive(Debug)]
pub struct Map<K, V> {
    fd: OwnedFd,
    types: PhantomData<(K, V)>,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct ElementAttributes {
    pub(super) fd: u32,
    pub(super) reserved: u32,
    pub(super) key: u64,
    pub(super) value: u64,
    pub(super) flags: u64,
}
// SAFETY: laid out as the kernel's; the callers' keys and values live through the calls and have
// the sizes that the map was made with: `Map::open` sees to it.
unsafe impl Attributes for ElementAttributes {}

#[repr(C)]
#[derive(Default)]
pub(super) struct BatchAttributes {
    pub(super) in_batch: u64,
    pub(super) out_batch: u64,
    pub(super) keys: u64,
    pub(super) values: u64,
    pub(super) count: u32,
    pub(super) fd: u32,
    pub(super) element_flags: u64,
    pub(super) flags: u64,
}
// SAFETY: as above; `count` is the length of the slices.
unsafe impl Attributes for BatchAttributes {}

impl<K: Plain, V: Plain> Map<K, V> {
    /// Opens a pinned map. The caller names one whose types are `K` and `V`.
    ///
    /// # Errors
    /// Nothing is pinned there, it may not be opened, or its keys or values have other sizes.
    pub fn open(path: &Path) -> io::Result<Self> {
        let fd = open_pinned(path)?;
        let info = MapInfo::of(&fd)?;
        let (sizes, wanted) = (
            [info.key_size, info.value_size].map(|size| size as usize),
            [size_of::<K>(), size_of::<V>()],
        );
        if sizes != wanted {
            let fault = format!("keys and values have {sizes:?} bytes, not {wanted:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, fault));
        }
        Ok(Self::of_types(fd))
    }

    /// Another handle of the same map.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::of_types(self.fd.try_clone()?))
    }

    /// The map of a descriptor, whose types are `K` and `V`.
    pub(super) const fn of_types(fd: OwnedFd) -> Self {
        Self {
            fd,
            types: PhantomData,
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn get(&self, key: &K) -> io::Result<Option<V>> {
        let mut value = MaybeUninit::<V>::uninit();
        let mut attributes = ElementAttributes {
            fd: raw(&self.fd),
            key: address(key),
            value: value.as_mut_ptr() as u64,
            ..ElementAttributes::default()
        };
        match call(Command::MapLookup, &mut attributes) {
            // SAFETY: written whole by the kernel, and any bytes are a `V`.
            Ok(_) => Ok(Some(unsafe { value.assume_init() })),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// What the kernel says; `E2BIG` when the map is full.
    pub fn set(&self, key: &K, value: &V) -> io::Result<()> {
        let mut attributes = ElementAttributes {
            fd: raw(&self.fd),
            key: address(key),
            value: address(value),
            ..ElementAttributes::default()
        };
        call(Command::MapUpdate, &mut attributes).map(|_| ())
    }

    /// Sets the value of a key that has none. Whether it had none.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn add(&self, key: &K, value: &V) -> io::Result<bool> {
        /// `BPF_NOEXIST`
        const IF_ABSENT: u64 = 1;
        let mut attributes = ElementAttributes {
            fd: raw(&self.fd),
            key: address(key),
            value: address(value),
            flags: IF_ABSENT,
            ..ElementAttributes::default()
        };
        match call(Command::MapUpdate, &mut attributes) {
            Ok(_) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a key. Whether it was there.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn remove(&self, key: &K) -> io::Result<bool> {
        let mut attributes = ElementAttributes {
            fd: raw(&self.fd),
            key: address(key),
            ..ElementAttributes::default()
        };
        match call(Command::MapDelete, &mut attributes) {
            Ok(_) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Every key. Keys that come and go meanwhile may be missed or repeated.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn keys(&self) -> io::Result<Vec<K>> {
        keys(&self.fd)
    }

    /// Every key with its value, as [`Self::keys`].
    ///
    /// # Errors
    /// What the kernel says.
    pub fn entries(&self) -> io::Result<Vec<(K, V)>> {
        let mut entries = Vec::new();
        for key in self.keys()? {
            if let Some(value) = self.get(&key)? {
                entries.push((key, value));
            }
        }
        Ok(entries)
    }

    /// Sets many keys, in one call where the kernel and the map can do that.
    ///
    /// # Errors
    /// What the kernel says. Some may have been set.
    pub fn set_all(&self, entries: &[(K, V)]) -> io::Result<()> {
        let (keys, values): (Vec<K>, Vec<V>) = entries.iter().copied().unzip();
        if self.batch(Command::MapUpdateBatch, &keys, &values).is_ok() {
            return Ok(());
        }
        entries
            .iter()
            .try_for_each(|(key, value)| self.set(key, value))
    }

    /// Removes every key.
    ///
    /// # Errors
    /// What the kernel says. Some may have been removed.
    pub fn clear(&self) -> io::Result<()> {
        self.remove_all(&self.keys()?)
    }

    /// Removes many keys, in one call where the kernel and the map can do that. Some may not be there.
    ///
    /// # Errors
    /// What the kernel says. Some may have been removed.
    pub fn remove_all(&self, keys: &[K]) -> io::Result<()> {
        if self.batch(Command::MapDeleteBatch, keys, &[]).is_ok() {
            return Ok(());
        }
        keys.iter().try_for_each(|key| self.remove(key).map(|_| ()))
    }

    fn batch(&self, command: Command, keys: &[K], values: &[V]) -> io::Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut attributes = BatchAttributes {
            keys: address(keys),
            values: if values.is_empty() {
                0
            } else {
                address(values)
            },
            count: u32::try_from(keys.len())
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
            fd: raw(&self.fd),
            ..BatchAttributes::default()
        };
        call(command, &mut attributes).map(|_| ())
    }
}

impl<K, V> AsFd for Map<K, V> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Every key of a map.
pub(super) fn keys<K: Plain>(fd: &OwnedFd) -> io::Result<Vec<K>> {
    let mut keys: Vec<K> = Vec::new();
    loop {
        let mut next = MaybeUninit::<K>::uninit();
        let mut attributes = ElementAttributes {
            fd: raw(fd),
            key: keys.last().map_or(0, address),
            value: address_mut(&mut next),
            ..ElementAttributes::default()
        };
        match call(Command::MapNextKey, &mut attributes) {
            // SAFETY: written whole by the kernel, and any bytes are a `K`.
            Ok(_) => keys.push(unsafe { next.assume_init() }),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(keys),
            Err(error) => return Err(error),
        }
    }
}

/// A descriptor as bpf(2) wants it. Descriptors are never negative.
pub(super) fn raw(fd: &OwnedFd) -> u32 {
    fd.as_raw_fd().unsigned_abs()
}
