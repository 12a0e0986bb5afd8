//! Waiting until no packet uses the side that was in force before.
#![expect(unsafe_code, reason = "fills attributes of bpf(2)")]

use std::{io, os::fd::OwnedFd};

use super::{
    bpf::{Attributes, Command, address, call, call_for_fd},
    map::{ElementAttributes, raw},
};

const ARRAY: u32 = 2;
const ARRAY_OF_MAPS: u32 = 12;

#[repr(C)]
#[derive(Default)]
struct CreateAttributes {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    inner_fd: u32,
}
// SAFETY: laid out as the kernel's, without addresses.
unsafe impl Attributes for CreateAttributes {}

/// A private array of maps. When user space replaces an element of one, the kernel waits until
/// every program that may have seen the old element is done (`maybe_wait_bpf_programs`): a full
/// RCU grace period, on every kernel that polc runs on, without anything to configure.
#[derive(Debug)]
pub struct GracePeriod {
    outer: OwnedFd,
    inner: OwnedFd,
}

impl GracePeriod {
    /// Makes the maps.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new() -> io::Result<Self> {
        let array = CreateAttributes {
            kind: ARRAY,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            ..CreateAttributes::default()
        };
        let inner = call_for_fd(Command::MapCreate, &mut { array })?;
        let mut outer = CreateAttributes {
            kind: ARRAY_OF_MAPS,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            flags: 0,
            inner_fd: raw(&inner),
        };
        Ok(Self {
            outer: call_for_fd(Command::MapCreate, &mut outer)?,
            inner,
        })
    }

    /// Waits. Programs that began before the call have ended when it returns.
    ///
    /// # Errors
    /// What the kernel says; then nothing has been waited for.
    pub fn wait(&self) -> io::Result<()> {
        let (key, value) = (0_u32, raw(&self.inner));
        let mut attributes = ElementAttributes {
            fd: raw(&self.outer),
            key: address(&key),
            value: address(&value),
            ..ElementAttributes::default()
        };
        call(Command::MapUpdate, &mut attributes).map(|_| ())
    }
}
