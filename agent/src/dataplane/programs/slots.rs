//! Which slots of the program array are free.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use polc_abi::policy::PROGRAM_SLOTS;

use crate::sys::{map::Map, program::LoadedProgram};

/// The program array.
pub(super) struct Slots {
    policies: Map<u32, u32>,
    free: BTreeSet<u32>,
    /// Those that no packet can reach and that are not empty yet: emptying one failed.
    unreachable: BTreeSet<u32>,
}

impl Slots {
    /// Takes an array over, and says in which of its slots there are programs.
    pub(super) fn of(policies: Map<u32, u32>) -> io::Result<(Self, Vec<u32>)> {
        let (mut free, mut taken) = (BTreeSet::new(), Vec::new());
        for slot in 0..PROGRAM_SLOTS {
            if policies.get(&slot)?.is_some() {
                taken.push(slot);
            } else {
                free.insert(slot);
            }
        }
        let slots = Self {
            policies,
            free,
            unreachable: BTreeSet::new(),
        };
        Ok((slots, taken))
    }

    /// The array.
    pub(super) const fn array(&self) -> &Map<u32, u32> {
        &self.policies
    }

    /// Takes this many slots. `None` where there are not so many.
    pub(super) fn take(&mut self, count: usize) -> Option<Vec<u32>> {
        if self.free.len() < count {
            return None;
        }
        let slots: Vec<u32> = self.free.iter().take(count).copied().collect();
        for slot in &slots {
            self.free.remove(slot);
        }
        Some(slots)
    }

    /// Puts a program into a slot.
    pub(super) fn put(&self, slot: u32, program: &LoadedProgram) -> io::Result<()> {
        self.policies
            .set(&slot, &program.as_fd().as_raw_fd().unsigned_abs())
    }

    /// Empties slots that no packet can reach. Those that cannot be emptied now are with the next ones.
    pub(super) fn free(&mut self, slots: impl IntoIterator<Item = u32>) -> io::Result<()> {
        self.unreachable.extend(slots);
        while let Some(&slot) = self.unreachable.first() {
            self.policies.remove(&slot)?;
            self.unreachable.remove(&slot);
            self.free.insert(slot);
        }
        Ok(())
    }
}
