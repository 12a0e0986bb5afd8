//! Waiting until no packet uses the side that was in force before.

use std::{io, os::fd::OwnedFd};

use super::{
    bpf::{Command, address, call},
    create,
    map::{ElementAttributes, raw},
};

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
        let inner = create::small_array()?;
        Ok(Self {
            outer: create::array_of_maps(&inner)?,
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
