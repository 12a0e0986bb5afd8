//! Maps that hold a value for each CPU.
#![expect(unsafe_code, reason = "reads memory that bpf(2) wrote")]

use std::{fs, io, marker::PhantomData, os::fd::OwnedFd, path::Path};

use polc_abi::Plain;

use super::{
    bpf::{Command, address, address_mut, call, open_pinned},
    map::{ElementAttributes, keys, raw},
};

/// A map with keys `K` and, for each possible CPU, a value `V`.
#[derive(Debug)]
pub struct PerCpuMap<K, V> {
    fd: OwnedFd,
    cpus: usize,
    types: PhantomData<(K, V)>,
}

impl<K: Plain, V: Plain> PerCpuMap<K, V> {
    /// Opens a pinned map. The caller names one whose types are `K` and `V`.
    ///
    /// # Errors
    /// Nothing is pinned there, or it may not be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            fd: open_pinned(path)?,
            cpus: possible_cpus()?,
            types: PhantomData,
        })
    }

    /// The values of a key, one for each possible CPU. Empty when there is no such key.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn get(&self, key: &K) -> io::Result<Vec<V>> {
        // The kernel rounds each CPU's value up to eight bytes.
        let stride = size_of::<V>().div_ceil(8);
        let mut words = vec![0_u64; stride * self.cpus];
        let mut attributes = ElementAttributes {
            fd: raw(&self.fd),
            key: address(key),
            value: address_mut(words.as_mut_slice()),
            ..ElementAttributes::default()
        };
        match call(Command::MapLookup, &mut attributes) {
            Ok(_) => Ok(words
                .chunks_exact(stride)
                // SAFETY: a chunk has at least the size of a `V`, and any bytes are a `V`.
                .map(|chunk| unsafe { chunk.as_ptr().cast::<V>().read_unaligned() })
                .collect()),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Every key, as [`Map::keys`](super::map::Map::keys).
    ///
    /// # Errors
    /// What the kernel says.
    pub fn keys(&self) -> io::Result<Vec<K>> {
        keys(&self.fd)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn remove(&self, key: &K) -> io::Result<()> {
        let mut attributes = ElementAttributes {
            fd: raw(&self.fd),
            key: address(key),
            ..ElementAttributes::default()
        };
        match call(Command::MapDelete, &mut attributes) {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            _ => Ok(()),
        }
    }
}

/// How many CPUs the kernel keeps values for: more than are online, on some machines.
fn possible_cpus() -> io::Result<usize> {
    let text = fs::read_to_string("/sys/devices/system/cpu/possible")?;
    parse_cpus(text.trim())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "possible CPUs: unknown form"))
}

/// The length that a list such as `0-3,5` asks for: one more than its last number.
fn parse_cpus(list: &str) -> Option<usize> {
    let last = list.rsplit([',', '-']).next()?;
    last.parse::<usize>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::parse_cpus;

    #[test]
    fn cpus_are_counted_to_the_last() {
        assert_eq!(parse_cpus("0"), Some(1));
        assert_eq!(parse_cpus("0-3"), Some(4));
        assert_eq!(parse_cpus("0-1,4-7"), Some(8));
        assert_eq!(parse_cpus(""), None);
    }
}
